// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "ir/graph.h"

namespace ht {

// A graph from its text; fails the test where that is none or its types are wrong.
Graph graph_of(std::string_view text);
// How many nodes have this name (op_name).
int count_nodes(const Graph& graph, std::string_view op);
// The graph's outputs by the reference computations, with inputs drawn from [-8, 8] by the seed.
std::vector<Tensor> evaluate_random(const Graph& graph, unsigned seed);
// Runs the pass and expects that it changes something, that a second run changes nothing, that the graph verifies, that
// inputs and outputs keep names and types, and that outputs are equal within 1e-5 of their range. Returns the new graph.
Graph expect_kept(const Graph& before, Result<bool> (*pass)(Graph&));
// Expects that the pass changes nothing.
void expect_unchanged(const Graph& graph, Result<bool> (*pass)(Graph&));

}  // namespace ht
