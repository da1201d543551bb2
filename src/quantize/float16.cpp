// SPDX-License-Identifier: Apache-2.0
#include "quantize/float16.h"

#include <algorithm>
#include <cmath>

#include "ops/ops.h"
#include "quantize/layers.h"

namespace ht {
namespace {

constexpr float kGreatestFloat16 = 65504;

}  // namespace

Result<QuantizedGraph> store_as_float16(Graph graph, const std::vector<std::string>& keep_float) {
  QuantizedGraph result;
  for (const Node& node : graph.nodes)
    result.float_nodes.push_back({node.name, std::string(op_name(node.op)), "weights are stored as float16, and all arithmetic is float"});
  std::vector<bool> is_kept(graph.nodes.size());
  for (const std::string& pattern : keep_float) {
    HT_ASSIGN(const std::vector<size_t> matches, nodes_called(graph, pattern, "keep_float"));
    for (size_t i : matches) {
      is_kept[i] = true;
      result.float_nodes[i].reason = fmt::format("keep_float names it (\"{}\")", pattern);
    }
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (is_kept[n] || quant_rule(node).kind != QuantKind::kWeighted) continue;
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      if (!graph.is_constant(node.inputs[i])) continue;
      Value& value = graph.value(node.inputs[i]);
      if (value.type.dtype != DType::kFloat32) continue;
      std::vector<float> weights = value.constant->to_floats();
      if (std::ranges::any_of(weights, [](float w) { return !(std::abs(w) <= kGreatestFloat16); })) {
        result.notes.push_back(fmt::format("{} has elements beyond {}, which float16 cannot hold, and stays float32", value.name, kGreatestFloat16));
        continue;
      }
      for (float& w : weights) w = half_to_float(float_to_half(w));
      value.constant = Tensor::of_floats(value.type.shape, weights);
    }
  }
  graph.metadata[kFloat16StorageKey] = "weights";
  result.graph = std::move(graph);
  return result;
}

}  // namespace ht
