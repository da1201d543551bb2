// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "passes/passes.h"
#include "passes/rewrite.h"

namespace ht {
namespace {

// scale * x + shift, a pair for each channel (axis 1).
struct ChannelAffine {
  ValueId x;
  std::vector<double> scale, shift;
};

std::optional<ChannelAffine> affine_of_normalization(const Graph& graph, const Node& node) {
  std::vector<std::vector<double>> parameters;
  for (size_t i = 1; i < 5; ++i) parameters.push_back(constant_elements(graph, node.inputs[i]));
  const auto& [scale, bias, mean, variance] = std::tie(parameters[0], parameters[1], parameters[2], parameters[3]);
  if (std::ranges::any_of(parameters, [](const auto& list) { return list.empty(); })) return std::nullopt;
  const double epsilon = std::get<BatchNormalization>(node.op).epsilon;
  ChannelAffine affine{node.inputs[0], scale, bias};
  for (size_t c = 0; c < scale.size(); ++c) {
    affine.scale[c] /= std::sqrt(variance[c] + epsilon);
    affine.shift[c] -= mean[c] * affine.scale[c];
  }
  return affine;
}

// A constant's entry for each channel of a tensor of that shape, where it varies along the channels alone.
std::vector<double> entries_a_channel(const Graph& graph, ValueId id, const Shape& shape) {
  std::vector<double> entries = constant_elements(graph, id);
  if (entries.empty() || shape.size() < 2) return {};
  const auto channels = static_cast<size_t>(shape[1]);
  if (entries.size() == 1) return std::vector<double>(channels, entries[0]);
  const Shape& own = graph.value(id).type.shape;
  const bool is_along_channels = own.size() + 1 >= shape.size() && own[own.size() + 1 - shape.size()] == shape[1];
  return is_along_channels && entries.size() == channels ? entries : std::vector<double>();
}

std::optional<ChannelAffine> affine_of_arithmetic(const Graph& graph, const Node& node) {
  const bool constant_first = graph.is_constant(node.inputs[0]);
  const ValueId x = node.inputs[constant_first ? 1 : 0];
  const Shape& shape = graph.value(node.outputs[0]).type.shape;
  if (graph.value(x).type.shape != shape) return std::nullopt;
  auto entries = entries_a_channel(graph, node.inputs[constant_first ? 0 : 1], shape);
  if (entries.empty()) return std::nullopt;
  ChannelAffine affine{x, std::vector<double>(entries.size(), 1), std::vector<double>(entries.size(), 0)};
  switch (std::get<Binary>(node.op).kind) {
    case BinaryKind::kAdd:
      affine.shift = std::move(entries);
      return affine;
    case BinaryKind::kMul:
      affine.scale = std::move(entries);
      return affine;
    case BinaryKind::kSub:
      if (constant_first) affine.scale.assign(entries.size(), -1);
      for (size_t c = 0; c < entries.size(); ++c) affine.shift[c] = constant_first ? entries[c] : -entries[c];
      return affine;
    case BinaryKind::kDiv:
      if (constant_first) return std::nullopt;
      for (size_t c = 0; c < entries.size(); ++c) affine.scale[c] = 1 / entries[c];
      return affine;
    default:
      return std::nullopt;
  }
}

std::optional<ChannelAffine> affine_of(const Graph& graph, const Node& node) {
  if (std::holds_alternative<BatchNormalization>(node.op)) return affine_of_normalization(graph, node);
  if (std::holds_alternative<Binary>(node.op)) return affine_of_arithmetic(graph, node);
  return std::nullopt;
}

// Weights and bias of a Conv or Gemm, the weights seen as [outer, channels, inner] with the output's channels in the middle.
struct Weighted {
  std::vector<double> weights, bias;
  size_t channels, inner;
};

std::optional<Weighted> weighted_of(const Graph& graph, const Node& node) {
  const Shape& shape = graph.value(node.inputs[1]).type.shape;
  const auto* gemm = std::get_if<Gemm>(&node.op);
  const size_t axis = gemm && !gemm->transpose_b ? 1 : 0;
  Weighted weighted{constant_elements(graph, node.inputs[1]), {}, static_cast<size_t>(shape[axis]), 1};
  if (weighted.weights.empty()) return std::nullopt;
  weighted.inner = static_cast<size_t>(strides_of(shape)[axis]);
  weighted.bias.assign(weighted.channels, 0);
  if (node.inputs.size() < 3 || !node.inputs[2].valid()) return weighted;
  const Shape& out = graph.value(node.outputs[0]).type.shape;
  if (gemm)
    weighted.bias = entries_a_channel(graph, node.inputs[2], out);
  else
    weighted.bias = constant_elements(graph, node.inputs[2]);
  for (double& x : weighted.bias) x *= gemm ? gemm->beta : 1;
  return weighted.bias.empty() ? std::nullopt : std::optional(weighted);
}

std::optional<Tensor> finite_tensor(const Shape& shape, const std::vector<double>& elements) {
  std::vector<float> floats(elements.begin(), elements.end());
  if (!std::ranges::all_of(floats, [](float x) { return std::isfinite(x); })) return std::nullopt;
  return Tensor::of_floats(shape, floats);
}

std::string name_of(const Graph& graph, const Node& node, size_t input, std::string_view otherwise) {
  const bool has_it = node.inputs.size() > input && node.inputs[input].valid();
  return has_it ? graph.value(node.inputs[input]).name : fmt::format("{}.{}", node.name, otherwise);
}

bool fold(Rewriter& rewriter, NodeId id) {
  const Graph& graph = rewriter.graph();
  const auto affine = affine_of(graph, rewriter.node(id));
  if (!affine || !is_float32(graph.value(affine->x)) || rewriter.links().only_consumer(affine->x) != id) return false;
  const Node* before = rewriter.producer<Conv>(affine->x);
  if (!before) before = rewriter.producer<Gemm>(affine->x);
  if (!before) return false;
  auto weighted = weighted_of(graph, *before);
  if (!weighted) return false;
  for (size_t i = 0; i < weighted->weights.size(); ++i)
    weighted->weights[i] *= affine->scale[i / weighted->inner % weighted->channels];
  for (size_t c = 0; c < weighted->channels; ++c) weighted->bias[c] = weighted->bias[c] * affine->scale[c] + affine->shift[c];
  const auto weights = finite_tensor(graph.value(before->inputs[1]).type.shape, weighted->weights);
  const auto bias = finite_tensor({static_cast<int64_t>(weighted->channels)}, weighted->bias);
  if (!weights || !bias) return false;
  Node folded{before->name, before->op, {before->inputs[0]}, {}};
  if (auto* gemm = std::get_if<Gemm>(&folded.op)) gemm->beta = 1;
  folded.inputs.push_back(rewriter.add_constant(name_of(graph, *before, 1, "weights"), *weights));
  folded.inputs.push_back(rewriter.add_constant(name_of(graph, *before, 2, "bias"), *bias));
  return rewriter.replace(id, std::move(folded));
}

}  // namespace

Result<bool> batch_norm_folding(Graph& graph) { return rewrite_nodes(graph, fold); }

}  // namespace ht
