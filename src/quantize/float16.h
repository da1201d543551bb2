// SPDX-License-Identifier: Apache-2.0
// Weights stored as float16 and computed with as float32: half the bytes, no integers.
#pragma once

#include "quantize/quantize.h"

namespace ht {

// Rounds weights and biases of products to the nearest float16 and marks the graph so that export stores all float constants that are
// exactly float16 as such. Weights whose magnitude float16 does not reach stay as they are, with a note, and so do those of nodes that
// patterns of `keep_float` name; a pattern that matches nothing is an error.
Result<QuantizedGraph> store_as_float16(Graph graph, const std::vector<std::string>& keep_float);

}  // namespace ht
