// SPDX-License-Identifier: Apache-2.0
#include "quantize/equalize.h"

#include <algorithm>
#include <cmath>

namespace ht {
namespace {

// A channel is drowned when the step of a scale for the whole tensor leaves it fewer than this many steps.
constexpr double kFewestSteps = 16;
// The cure pays when this share of the channels is drowned.
constexpr double kDrownedShare = 0.25;

struct Outliers {
  std::vector<float> magnitudes;  // of each channel
  size_t drowned = 0;
};

Outliers find_outliers(const std::vector<Range>& channels) {
  Outliers outliers;
  Range all;
  for (const Range& channel : channels) {
    outliers.magnitudes.push_back(static_cast<float>(std::max(-channel.min, channel.max)));
    all = {std::min(all.min, channel.min), std::max(all.max, channel.max)};
  }
  const double step = (all.max - all.min) / 255;
  for (const Range& channel : channels)
    if (channel.max > channel.min && channel.max - channel.min < kFewestSteps * step) ++outliers.drowned;
  return outliers;
}

// Multiplies channel c of depthwise weights [channels * multiplier, 1, ...] by factors[c].
Tensor scaled(const Tensor& weights, const std::vector<float>& factors) {
  Tensor result = Tensor::of<float>(DType::kFloat32, weights.shape(), weights.data<float>());
  auto values = result.mutable_data<float>();
  const size_t per_channel = values.size() / factors.size();
  for (size_t i = 0; i < values.size(); ++i) values[i] *= factors[i / per_channel];
  return result;
}

// The nodes in float behind the convolution that makes the value: the value's producer and what feeds it elementwise.
void keep_producers_float(const Graph& graph, const Links& links, ValueId value, std::vector<Role>& roles, const std::string& reason) {
  std::vector<ValueId> open = {value};
  while (!open.empty()) {
    const NodeId producer = links.producer(open.back());
    open.pop_back();
    if (!producer.valid() || !roles[producer.index].is_integer()) continue;
    const Node& node = graph.node(producer);
    roles[producer.index].float_reason = reason;
    if (is_weighted(graph, node)) continue;
    for (ValueId input : node.inputs)
      if (input.valid() && !graph.is_constant(input) && links.consumers(input).size() <= 2) open.push_back(input);
  }
}

}  // namespace

Status equalize_channels(Graph& graph, std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request,
                         std::vector<std::string>& notes) {
  const auto quantized = find_quantized_values(graph, roles, request.target);
  const Links links(graph);
  FreshNames names(graph);
  const auto groups = group_members(graph, roles, quantized);
  for (const auto& members : groups) {
    if (members.size() != 1 || graph.value(members[0]).type.shape.size() < 3) continue;
    const DepthwiseReaders readers = depthwise_readers(graph, links, roles, members);
    if (!readers.only || !links.producer(members[0]).valid()) continue;
    const std::string value_name = graph.value(members[0]).name;
    HT_ASSIGN(const ValueStatistics* found, statistics.find(value_name));
    const LayerChoice choice = readers_choice(graph, links, roles, members);
    if (!choice.per_channel || choice.activations != 8) continue;
    HT_ASSIGN(const std::vector<Range> ranges, estimate_channel_ranges(value_name, *found, {choice.ranges, activation_grid(choice, request.target)}));
    const Outliers outliers = find_outliers(ranges);
    const size_t channels = outliers.magnitudes.size();
    if (static_cast<double>(outliers.drowned) < kDrownedShare * static_cast<double>(channels)) continue;

    const float greatest = *std::ranges::max_element(outliers.magnitudes);
    std::vector<float> factors, inverses;
    for (float magnitude : outliers.magnitudes) {
      // Powers of two, so that the float network stays bit for bit the same.
      const float factor = magnitude > 0 ? std::exp2(std::round(std::log2(magnitude / greatest))) : 1.0f;
      factors.push_back(factor);
      inverses.push_back(1 / factor);
    }
    Shape shape(graph.value(members[0]).type.shape.size(), 1);
    shape[1] = static_cast<int64_t>(channels);
    const ValueId constant = graph.add_constant(names.make(value_name + "_inverse_scales"), Tensor::of_floats(shape, inverses));
    const TensorType type = graph.value(members[0]).type;
    const ValueId equalized = graph.add_value({names.make(value_name + "_equalized"), type, std::nullopt});
    for (NodeId reader : readers.convolutions) {
      Node& node = graph.node(reader);
      std::ranges::replace(node.inputs, members[0], equalized);
      Tensor weights = scaled(*graph.value(node.inputs[1]).constant, factors);
      node.inputs[1] = graph.add_constant(names.make(graph.value(node.inputs[1]).name + "_scaled"), std::move(weights));
    }
    keep_producers_float(graph, links, members[0], roles, fmt::format("its output {} has channels too different for one scale", value_name));
    graph.nodes.push_back({names.make(value_name + "_equalize"), Binary{BinaryKind::kMul}, {members[0], constant}, {equalized}});
    roles.emplace_back().float_reason = "it divides the channels by their magnitudes, before anything is quantized";
    notes.push_back(fmt::format("{}: {} of {} channels would drown in one scale; a Mul evens them out and the depthwise weights take the factors",
                                value_name, outliers.drowned, channels));
  }
  return {};
}

}  // namespace ht
