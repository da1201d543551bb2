# SPDX-License-Identifier: Apache-2.0
# Headers that nearly every file includes, read once instead of once a file. They spare time and nothing else: each file still
# includes what it uses, and CMAKE_DISABLE_PRECOMPILE_HEADERS builds without them.
set(halftone_common_headers
  <algorithm> <array> <cmath> <cstdint> <cstring> <filesystem> <functional> <limits> <map> <memory> <numeric> <optional> <span> <string>
  <string_view> <unordered_map> <utility> <variant> <vector> <fmt/core.h> ${CMAKE_SOURCE_DIR}/src/ir/graph.h)

# halftone_precompiled(name LINK options HEADERS a.h): a holder of precompiled headers, for targets with just the same options.
function(halftone_precompiled name)
  cmake_parse_arguments(arg "" "" "LINK;HEADERS" ${ARGN})
  file(CONFIGURE OUTPUT ${name}.cpp CONTENT "// Holds precompiled headers.\n")
  add_library(${name} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(${name} PRIVATE ${arg_LINK})
  target_precompile_headers(${name} PRIVATE ${arg_HEADERS})
endfunction()

# What lies below the graph must not see it, so those few folders do without.
halftone_precompiled(halftone_precompiled_fast LINK halftone_options fmt::fmt HEADERS ${halftone_common_headers})
halftone_precompiled(halftone_precompiled_quick LINK halftone_quick fmt::fmt HEADERS ${halftone_common_headers})
