// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ir/graph.h"

namespace ht {

// Lets Convert nodes go where types can say the same, as every reader may read a quantized value directly:
//  - equal conversions of one value become one;
//  - a conversion to float, or to what the value already is, goes unless it makes an output of the graph;
//  - a float value that a node makes and that is read by one conversion to integers only becomes that quantized value. It keeps
//    its name, unless the conversion made an output of the graph.
// What is left are conversions of inputs, of values with several readers, between parameters, and to float outputs.
void fold_conversions(Graph& graph);

}  // namespace ht
