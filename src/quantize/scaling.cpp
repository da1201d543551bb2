// SPDX-License-Identifier: Apache-2.0
#include "quantize/scaling.h"

#include <algorithm>

namespace ht {

Tensor scale_channels(const Tensor& weights, const std::vector<float>& factors, bool rows, int64_t groups) {
  Tensor result = Tensor::of<float>(DType::kFloat32, weights.shape(), weights.data<float>());
  auto values = result.mutable_data<float>();
  const int64_t outputs = weights.shape()[0], inputs = weights.shape().size() > 1 ? weights.shape()[1] : 1;
  const int64_t taps = static_cast<int64_t>(values.size()) / std::max<int64_t>(1, outputs * inputs);
  for (int64_t i = 0; i < static_cast<int64_t>(values.size()); ++i) {
    const int64_t output = i / (inputs * taps), input = i / taps % inputs;
    values[static_cast<size_t>(i)] *= factors[static_cast<size_t>(rows ? output : output / (outputs / groups) * inputs + input)];
  }
  return result;
}

bool ChannelScaling::is_moved(ValueId value) const {
  const NodeId producer = links_.producer(value);
  return is_integer(producer) && quant_rule(graph_.node(producer)).kind == QuantKind::kMove;
}

bool ChannelScaling::is_convolution(NodeId id) const {
  return id.valid() && std::holds_alternative<Conv>(graph_.node(id).op) && is_weighted(graph_, graph_.node(id));
}

NodeId ChannelScaling::folding_convolution(ValueId value) const {
  const NodeId producer = links_.producer(value);
  const auto takes_factors = [&](NodeId reader) { return is_integer(reader) || is_convolution(reader); };
  if (!is_integer(producer) || !std::ranges::all_of(links_.consumers(value), takes_factors)) return {};
  if (is_convolution(producer)) return producer;
  const auto* unary = std::get_if<Unary>(&graph_.node(producer).op);
  if (!unary || unary->kind != UnaryKind::kRelu) return {};
  const ValueId between = graph_.node(producer).inputs[0];
  const NodeId convolution = links_.producer(between);
  const bool folds = is_convolution(convolution) && is_integer(convolution) && links_.only_consumer(between) == producer;
  return folds ? convolution : NodeId();
}

void ChannelScaling::fold(NodeId convolution, const std::vector<float>& factors) {
  Node& node = graph_.node(convolution);
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (!node.inputs[i].valid()) continue;
    Tensor scaled = scale_channels(*graph_.value(node.inputs[i]).constant, factors, true, 1);
    node.inputs[i] = graph_.add_constant(name_beside(graph_.value(node.inputs[i]).name, "divided"), std::move(scaled));
  }
}

void ChannelScaling::scale_readers(ValueId value, ValueId scaled, const std::vector<float>& factors) {
  for (NodeId reader : links_.consumers(value)) {
    if (!is_integer(reader) && scaled != value) continue;
    Node& node = graph_.node(reader);
    std::ranges::replace(node.inputs, value, scaled);
    const auto* conv = std::get_if<Conv>(&node.op);
    if (!conv) continue;
    Tensor weights = scale_channels(*graph_.value(node.inputs[1]).constant, factors, false, conv->groups);
    node.inputs[1] = graph_.add_constant(name_beside(graph_.value(node.inputs[1]).name, "scaled"), std::move(weights));
  }
}

}  // namespace ht
