// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "ir/graph.h"

namespace ht {

// A convolution or a matrix product.
bool has_weights(const Node& node);

// The values of each output where every convolution and matrix product that it is computed from last gives `activation`
// everywhere. What the arithmetic behind them does, say decode boxes, shows in these without a photo. Empty for outputs that cannot be computed
// so.
std::vector<std::vector<float>> tail_response(const Graph& graph, float activation);

}  // namespace ht
