// SPDX-License-Identifier: Apache-2.0
// Which few layers to leave in float, by what their inputs' rounding does to the heads.
#pragma once

#include "quantize/quantize.h"
#include "quantize/sensitivity.h"

namespace ht {

// Of the quantized graph's products those that are best left in float: they read values whose rounding makes most of the heads' error
// for their cost (multiplications, and outputs to activate and to convert), of which they have at most the target's share. Where there are any,
// products that are in float already for their channels' sake are named again, with their reasons. `graph` is the float graph that was
// quantized.
Result<std::vector<FloatNode>> find_spared_nodes(const Graph& graph, const QuantizedGraph& quantized, double share, const MeasureTrials& measure);

}  // namespace ht
