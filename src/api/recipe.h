// SPDX-License-Identifier: Apache-2.0
// The parts of a recipe that travel inside a model.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "halftone/recipe.h"

namespace ht {

// [preprocess], [task] and [quantize] without comments and paths: the same recipe always gives the same text.
std::string stored_recipe(const halftone::Recipe& recipe);
// Reads it back; the result has no [model] and no data. `place` is what errors call it.
Result<halftone::Recipe> parse_stored_recipe(std::string_view text, const std::string& place);

// The text in quotes, as TOML writes it.
std::string toml_text(std::string_view text);

}  // namespace ht
