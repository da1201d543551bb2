// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "halftone/recipe.h"

namespace ht {

// What is wrong with a recipe's values, and which key holds it. An empty key means the section itself.
struct RecipeFault {
  std::string_view section;  // "task"
  std::string_view key;      // "strides"
  Error error;
};

// The first fault, in the order of the file.
std::optional<RecipeFault> find_fault(const halftone::Preprocess& preprocess);
std::optional<RecipeFault> find_fault(const halftone::Task& task);
std::optional<RecipeFault> find_fault(const halftone::QuantizeSettings& settings);
std::optional<RecipeFault> find_fault(const halftone::Recipe& recipe);

}  // namespace ht
