# SPDX-License-Identifier: Apache-2.0
# Writes targets/*.toml as one table of string literals: cmake -DFOLDER=... -DOUTPUT=... -P EmbedTargets.cmake
file(GLOB files ${FOLDER}/*.toml)
list(SORT files)
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} text)
  string(APPEND rows "    {\"${name}\", R\"target(${text})target\"},\n")
endforeach()
file(WRITE ${OUTPUT} "// Made from targets/*.toml.
#pragma once

#include <string_view>

namespace ht {

struct TargetFile {
  std::string_view name, text;
};

inline constexpr TargetFile kTargetFiles[] = {
${rows}};

}  // namespace ht
")
