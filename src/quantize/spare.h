// SPDX-License-Identifier: Apache-2.0
// Which few layers to leave in float, by what their inputs' rounding does to the heads.
#pragma once

#include <functional>

#include "quantize/quantize.h"

namespace ht {

// A float value rounded to a grid.
struct Rounding {
  std::string value;
  TensorType type;  // quantized
};

// For each rounding, applied alone to the float network, the error that it makes of the heads: squared, in units of each head's mean
// square, summed over heads and averaged over a few images.
using MeasureRoundings = std::function<Result<std::vector<double>>(std::span<const Rounding> roundings, std::span<const std::string> heads)>;

// Outputs of the quantized graph's products that nothing computes on in integers. `graph` is the float graph that was quantized.
std::vector<std::string> head_values(const Graph& graph, const QuantizedGraph& quantized);

// Of the quantized graph's products those that are best left in float: they read values whose rounding makes most of the heads' error
// for their cost (multiplications, and outputs to activate and to convert), of which they have at most the target's share. `graph` is
// the float graph that was quantized.
Result<std::vector<FloatNode>> find_spared_nodes(const Graph& graph, const QuantizedGraph& quantized, double share, const MeasureRoundings& measure);

}  // namespace ht
