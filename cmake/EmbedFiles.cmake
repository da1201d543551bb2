# SPDX-License-Identifier: Apache-2.0
# Writes all files of a folder as one table of string literals: cmake -DFOLDER=... -DTABLE=kSomeFiles -DOUTPUT=... -P EmbedFiles.cmake
file(GLOB files ${FOLDER}/*)
list(SORT files)
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME)
  file(READ ${file} text)
  string(APPEND rows "    {\"${name}\", R\"embedded(${text})embedded\"},\n")
endforeach()
get_filename_component(folder ${FOLDER} NAME)
file(WRITE ${OUTPUT} "// Made from the files of ${folder}.
#pragma once

#include <string_view>

namespace ht {

inline constexpr struct {
  std::string_view name, text;
} ${TABLE}[] = {
${rows}};

}  // namespace ht
")
