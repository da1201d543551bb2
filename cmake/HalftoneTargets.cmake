# SPDX-License-Identifier: Apache-2.0
add_library(halftone_options INTERFACE)
target_compile_options(halftone_options INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wundef -ffp-contract=off
  -Wno-restrict  # g++ 12 warns wrongly about std::string (GCC bug 105329)
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual -Werror=switch>
  $<$<COMPILE_LANGUAGE:C>:-pedantic -Wconversion -Wstrict-prototypes>)
if(HALFTONE_SANITIZE)
  target_compile_options(halftone_options INTERFACE -fsanitize=${HALFTONE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(halftone_options INTERFACE -fsanitize=${HALFTONE_SANITIZE})
endif()

# Instead of halftone_options, for what has no work to do fast: it is built quickly.
add_library(halftone_quick INTERFACE)
target_link_libraries(halftone_quick INTERFACE halftone_options)
target_compile_options(halftone_quick INTERFACE $<$<CONFIG:Release>:-O1>)

# One static library a folder of src/, with only the links that docs/ARCHITECTURE.md allows.
#   halftone_library(base SOURCES a.cpp PUBLIC fmt::fmt PRIVATE halftone_ir)
# QUICK says that it has no work to do fast, GRAPH that it stands on the graph and may use precompiled headers with it.
function(halftone_library name)
  cmake_parse_arguments(arg "QUICK;GRAPH" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  if(arg_QUICK)
    set(options halftone_quick)
    set(headers halftone_precompiled_quick)
  else()
    set(options halftone_options)
    set(headers halftone_precompiled_fast)
  endif()
  add_library(halftone_${name} STATIC ${arg_SOURCES})
  target_include_directories(halftone_${name} PUBLIC
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src> $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(halftone_${name} PUBLIC cxx_std_20)
  set_target_properties(halftone_${name} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(halftone_${name} PUBLIC ${arg_PUBLIC} PRIVATE $<BUILD_INTERFACE:${options}> ${arg_PRIVATE})
  if(arg_GRAPH)
    target_precompile_headers(halftone_${name} REUSE_FROM ${headers})
    # Several small files at a time, which spares a third of the time; CMAKE_UNITY_BUILD_BATCH_SIZE=1 builds each by itself.
    set_target_properties(halftone_${name} PROPERTIES UNITY_BUILD ON)
  endif()
  halftone_install_library(halftone_${name})
endfunction()

# halftone_embed(kSomeFiles header.h root root/*.c root/*.h): a header with the files' texts as a table, by their paths below the root.
function(halftone_embed table header root)
  file(GLOB files CONFIGURE_DEPENDS RELATIVE ${root} ${ARGN})
  list(TRANSFORM files PREPEND ${root}/ OUTPUT_VARIABLE paths)
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -DROOT=${root} "-DFILES=${files}" -DTABLE=${table} -DOUTPUT=${header} -P ${CMAKE_SOURCE_DIR}/cmake/EmbedFiles.cmake
    DEPENDS ${paths} ${CMAKE_SOURCE_DIR}/cmake/EmbedFiles.cmake
    VERBATIM)
endfunction()

# Static libraries are installed with all that they are made of, as parts of the package's one export set.
function(halftone_install_library target)
  install(TARGETS ${target} EXPORT halftone ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/halftone)
endfunction()

# All programs of halftone_test(), and nothing else.
add_custom_target(unit_tests)

# halftone_test(name SOURCES a_test.cpp LINK halftone_base): a GoogleTest program, registered with CTest as NAME. Its files are compiled together but for
# APART, which have names in common.
function(halftone_test name)
  cmake_parse_arguments(arg "APART" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  if(NOT arg_APART)
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON)
  endif()
  target_link_libraries(${name} PRIVATE halftone_quick GTest::gtest_main ${arg_LINK})
  if(arg_LINK)
    target_precompile_headers(${name} REUSE_FROM halftone_precompiled_tests)
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  add_dependencies(unit_tests ${name})
endfunction()
