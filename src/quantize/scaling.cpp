// SPDX-License-Identifier: Apache-2.0
#include "quantize/scaling.h"

#include <algorithm>

namespace ht {

size_t input_channel(const Shape& weights, int64_t groups, int64_t i) {
  const int64_t inputs = weights[1], taps = element_count(weights) / (weights[0] * inputs), output = i / (inputs * taps);
  return static_cast<size_t>(output / (weights[0] / groups) * inputs + i / taps % inputs);
}

std::vector<float> inverses_of(const std::vector<float>& factors) {
  std::vector<float> inverses;
  for (float factor : factors) inverses.push_back(1 / factor);
  return inverses;
}

Tensor scale_channels(const Tensor& weights, const std::vector<float>& factors, bool rows, int64_t groups) {
  Tensor result = Tensor::of<float>(DType::kFloat32, weights.shape(), weights.data<float>());
  auto values = result.mutable_data<float>();
  const int64_t row = weights.size() / std::max<int64_t>(1, weights.shape()[0]);
  for (int64_t i = 0; i < weights.size(); ++i)
    values[static_cast<size_t>(i)] *= factors[rows ? static_cast<size_t>(i / row) : input_channel(weights.shape(), groups, i)];
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
