// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "api/suggest.h"
#include "base/result.h"
#include "halftone/operations.h"

namespace halftone {

std::string_view version() { return HALFTONE_VERSION; }

Result<Isa> parse_isa(std::string_view name) {
  // In the order of the enumeration.
  static constexpr auto kNames =
      std::to_array<std::string_view>({"c", "avx2", "avx512vnni", "amx", "neon", "dotprod", "i8mm", "best"});
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<Isa>(i);
  return ht::usage_error("there is no instruction set '{}'; did you mean '{}'? It may be {}", name, ht::nearest_word(name, kNames),
                         ht::joined_words(kNames));
}

}  // namespace halftone
