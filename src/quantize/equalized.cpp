// SPDX-License-Identifier: Apache-2.0
#include "quantize/equalized.h"

namespace ht {

Result<TensorType> Equalized::source_type() const {
  std::vector<float> scales;
  for (float factor : factors) scales.push_back(type.affine->scales()[0] * factor);
  HT_ASSIGN(Affine affine, Affine::per_axis(std::move(scales), std::vector<int32_t>(factors.size(), type.affine->zero_points()[0]), 1, type.shape.size()));
  return TensorType{type.dtype, type.shape, std::move(affine)};
}

const Equalized* find_equalized(const Equalizations& equalized, const std::string& name) {
  const auto found = equalized.find(name);
  return found == equalized.end() ? nullptr : &found->second;
}

const Equalized* divided_output(const Graph& graph, const Links& links, const Node& node, const Equalizations& equalized) {
  if (!std::holds_alternative<Conv>(node.op)) return nullptr;
  const ValueId output = node.outputs[0];
  if (const Equalized* found = find_equalized(equalized, graph.value(output).name)) return found;
  const NodeId reader = links.only_consumer(output);
  const auto* unary = reader.valid() ? std::get_if<Unary>(&graph.node(reader).op) : nullptr;
  if (!unary || unary->kind != UnaryKind::kRelu) return nullptr;
  return find_equalized(equalized, graph.value(graph.node(reader).outputs[0]).name);
}

}  // namespace ht
