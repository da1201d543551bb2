// SPDX-License-Identifier: Apache-2.0
// What is faster in float than in integers on this machine.
#pragma once

#include <functional>
#include <vector>

#include "halftone/context.h"
#include "quantize/quantize.h"

namespace ht {

// Nodes that take longer in the quantized graph than in the float graph it was made from; none where the network as a whole does not
// become faster when `quantize` leaves them in float. Other machines, and other times, may give other nodes.
Result<std::vector<FloatNode>> find_slower_nodes(const Graph& graph, const QuantizedGraph& quantized,
                                                 const std::function<Result<QuantizedGraph>(const std::vector<FloatNode>& in_float)>& quantize,
                                                 const Context& context);

}  // namespace ht
