// SPDX-License-Identifier: Apache-2.0
// Which nodes become integers and which stay in float, with the reason; found by structure, never by name.
#pragma once

#include <string>
#include <vector>

#include "ops/ops.h"
#include "quantize/quantize.h"

namespace ht {

// Multiplies by constant weights: a convolution or a matrix product.
bool is_weighted(const Graph& graph, const Node& node);
bool is_depthwise(const Graph& graph, const Node& node);
// The positions of the node's inputs that carry data (not weights, indices and the like).
std::vector<size_t> data_inputs(const Graph& graph, const Node& node);

struct Role {
  std::string float_reason = {};  // empty: the node computes with integers
  bool weights_only = false;      // it computes in float with weights that are integers
  LayerChoice choice = {};
  bool is_integer() const { return float_reason.empty(); }
};

// Patterns of the request's keep_float and rules match node names, * and ? standing for any characters; a pattern that matches nothing
// is an error. Says in `notes` what of the request was not followed to the letter.
Result<std::vector<Role>> find_roles(const Graph& graph, const QuantizeRequest& request, std::vector<std::string>& notes);

// What the integer nodes that read the values want together.
LayerChoice readers_choice(const Graph& graph, const Links& links, const std::vector<Role>& roles, const std::vector<ValueId>& values);

}  // namespace ht
