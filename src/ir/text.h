// SPDX-License-Identifier: Apache-2.0
// The text form of a graph, for tests, bug reports and looking at what a pass did. One node a line:
//   graph "name" {
//     metadata "key" = "value"
//     input %x : f32[1x3x8x8]
//     const %w : i8[4x3x1x1] affine([4, 1, 1, 1], [0.5, 0.25, 1, 2], [0, 0, 0, 0]) = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
//     %y : f32[1x4x8x8] = Conv(%x, %w, _) {strides = [1, 1], dilations = [1, 1], pads = [0, 0, 0, 0]} @"node name"
//     output %y
//   }
// Attributes that have their default value are left out; _ is an optional input that is not there; # begins a comment.
#pragma once

#include <string>
#include <string_view>

#include "ir/graph.h"

namespace ht {

struct PrintOptions {
  bool elide_large_constants = false;  // write "elided" for them; such a text cannot be parsed
};

// Exact: parsing it gives the same graph (with values numbered in the order of the text) and the same text again.
std::string print(const Graph& graph, const PrintOptions& options = {});

// A graph with a sound structure (verify_structure); errors name the line.
Result<Graph> parse(std::string_view text);

}  // namespace ht
