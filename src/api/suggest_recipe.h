// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "halftone/recipe.h"
#include "ir/graph.h"

namespace ht {

// What the structure of a model suggests; without [model] and data.
halftone::Recipe suggest_recipe(const Graph& graph);

}  // namespace ht
