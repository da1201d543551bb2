// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <toml++/toml.h>

#include "base/result.h"

namespace ht {

// The table that the text describes. `place` is what errors call the text; they name the line too. Text whose tables lie too deep
// in each other is refused unread: parsing and freeing them takes a call a level.
Result<toml::table> parse_toml(std::string_view text, const std::string& place);

}  // namespace ht
