# SPDX-License-Identifier: Apache-2.0
# Writes files as one table of their paths and texts: cmake -DROOT=... "-DFILES=a;b" -DTABLE=kSomeFiles -DOUTPUT=... -P EmbedFiles.cmake
# Paths are relative to ROOT. Literals are split, as compilers bound their length.
set(rows "")
foreach(path IN LISTS FILES)
  file(READ ${ROOT}/${path} text)
  string(LENGTH "${text}" length)
  set(literals "")
  set(at 0)
  while(at LESS length)
    string(SUBSTRING "${text}" ${at} 8000 part)
    string(APPEND literals "\n     R\"embedded(${part})embedded\"")
    math(EXPR at "${at} + 8000")
  endwhile()
  string(APPEND rows "    {\"${path}\",${literals}},\n")
endforeach()
file(WRITE ${OUTPUT} "// Made from the files that it names.
#pragma once

#include \"base/embedded_file.h\"

namespace ht {

inline constexpr EmbeddedFile ${TABLE}[] = {
${rows}};

}  // namespace ht
")
