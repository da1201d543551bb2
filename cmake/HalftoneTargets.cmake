# SPDX-License-Identifier: Apache-2.0
# One static library a folder of src/, with only the links that docs/ARCHITECTURE.md allows.
#   halftone_library(base SOURCES a.cpp PUBLIC fmt::fmt PRIVATE halftone_ir)
add_library(halftone_options INTERFACE)
target_compile_options(halftone_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wundef -ffp-contract=off
  -Wno-restrict  # g++ 12 warns wrongly about std::string (GCC bug 105329)
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Werror=switch>
  $<$<COMPILE_LANGUAGE:C>:-pedantic -Wconversion -Wstrict-prototypes>)
if(HALFTONE_SANITIZE)
  target_compile_options(halftone_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(halftone_options INTERFACE -fsanitize=address,undefined)
endif()

function(halftone_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(halftone_${name} STATIC ${arg_SOURCES})
  target_include_directories(halftone_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src> $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(halftone_${name} PUBLIC cxx_std_20)
  set_target_properties(halftone_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(halftone_${name} PUBLIC ${arg_PUBLIC} PRIVATE $<BUILD_INTERFACE:halftone_options> ${arg_PRIVATE})
  halftone_install_library(halftone_${name})
endfunction()

# Static libraries are installed with all that they are made of, as parts of the package's one export set.
function(halftone_install_library target)
  install(TARGETS ${target} EXPORT halftone ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/halftone)
endfunction()

# All programs of halftone_test(), and nothing else.
add_custom_target(unit_tests)

# halftone_test(name SOURCES a_test.cpp LINK halftone_base): a GoogleTest program, registered with CTest as NAME.
function(halftone_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE halftone_options GTest::gtest_main ${arg_LINK})
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  add_dependencies(unit_tests ${name})
endfunction()
