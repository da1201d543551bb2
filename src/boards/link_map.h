// SPDX-License-Identifier: Apache-2.0
// What a linked program consists of, from the map that GNU's linker writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ht {

// What one file gives to one output section.
struct MapEntry {
  std::string section;  // of the program: ".text"
  std::string input;    // the file's own section: ".text.ht_conv"; "*fill*" for the gaps between aligned parts
  std::string file;     // "network/ht_conv.o", ".../libgcc.a(_divdi3.o)"; empty for gaps
  int64_t bytes = 0;    // never 0
};

// Those of sections that the program holds in memory, in its order; debugging tables and the like are left out.
Result<std::vector<MapEntry>> read_link_map(std::string_view text);

}  // namespace ht
