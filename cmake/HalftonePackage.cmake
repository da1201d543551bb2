# SPDX-License-Identifier: Apache-2.0
# find_package(halftone) and its target halftone::halftone: the public headers, and the library that implements them with all that
# it is made of.
include(CMakePackageConfigHelpers)
set_target_properties(halftone_api PROPERTIES EXPORT_NAME halftone)
add_library(halftone::halftone ALIAS halftone_api)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/halftone)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/halftoneConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(DIRECTORY include/halftone DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT halftone NAMESPACE halftone:: FILE halftoneTargets.cmake DESTINATION ${package_folder})
install(
  FILES cmake/halftoneConfig.cmake cmake/HalftoneDependencies.cmake ${CMAKE_BINARY_DIR}/halftoneConfigVersion.cmake
  DESTINATION ${package_folder})
