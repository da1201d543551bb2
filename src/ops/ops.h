// SPDX-License-Identifier: Apache-2.0
// The dispatchers over all operator families; they take the node, never the bare variant.
#pragma once

#include <string_view>
#include <vector>

#include "ops/facets.h"

namespace ht {

// Types of the node's outputs from those of its inputs. Errors name the operator and what is wrong with which input.
Result<Types> infer(const Node& node, InferInputs inputs);
// The same with inputs looked up in the graph.
Result<Types> infer(const Graph& graph, const Node& node);

// Computes the node slowly and exactly as its specification says, float sums in double. Inputs are plain tensors (quantized
// ones have been dequantized before). Refuses element types that the operator does not define.
Result<std::vector<Tensor>> reference(const Node& node, InputTensors inputs);

QuantRule quant_rule(const Node& node);

struct OpFacets {
  std::string_view name;
  bool float_steps, integer_steps;
};
// One row a family, in the order of the list.
std::span<const OpFacets> op_facets();
const OpFacets& facets_of(const Op& op);

// verify_structure, and that every node's outputs have the types that its operator infers (a quantized value counts as f32).
Status verify(const Graph& graph);

}  // namespace ht
