// SPDX-License-Identifier: Apache-2.0
#include "api/layers.h"

#include <algorithm>
#include <cmath>

#include "api/network.h"
#include "ir/dequantize.h"
#include "ops/prepare.h"

namespace ht {
namespace {

using halftone::RangeInfo;

std::string describe(const TensorType& type) {
  const bool per_channel = type.affine && !type.affine->is_per_tensor();
  return fmt::format("{}{} {}", dtype_name(type.dtype), per_channel ? " per channel" : "", shape_text(type.shape));
}

Work summary_of(const Plan& plan) {
  Work work;
  for (const Step& step : plan.steps) {
    work.layers[step.node].macs += step.macs;
    work.macs += step.macs;
    work.conversions += step.is_conversion ? 1 : 0;
  }
  return work;
}

// Of several steps each kernel once, in their order; conversions and changes of layout are not the layer's own.
void add_kernels(const Placement& placement, Work& work) {
  const auto& steps = placement.plan().steps;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].is_conversion || steps[i].op == kLayoutOp) continue;
    std::string& kernels = work.layers[steps[i].node].kernel;
    const std::string own(placement.steps()[i]->kernel());
    if (("+" + kernels + "+").find("+" + own + "+") == std::string::npos) kernels += (kernels.empty() ? "" : "+") + own;
  }
}

// log2 of how many integers lie between two, both included.
double bits_between(double least, double greatest) { return std::log2(greatest - least + 1); }

RangeInfo real_range(const std::string& name, const Tensor& numbers) {
  RangeInfo range;
  range.name = name;
  range.type = dtype_name(numbers.dtype());
  const std::vector<double> values = numbers.to_doubles();
  if (values.empty()) return range;
  const auto [least, greatest] = std::ranges::minmax(values);
  range.min = least;
  range.max = greatest;
  return range;
}

void add_scales(const TensorType& type, RangeInfo& range) {
  range.type = dtype_name(type.dtype);
  range.channels = static_cast<int64_t>(type.affine->scales().size());
  range.scale = *std::ranges::max_element(type.affine->scales());
  if (type.affine->is_per_tensor()) range.zero_point = type.affine->zero_points()[0];
}

// The mean over the scales of the bits that a constant's integers fill.
double bits_of_constant(const Value& value) {
  const Affine& affine = *value.type.affine;
  const std::vector<int64_t> integers = value.constant->to_int64s();
  std::vector<int64_t> least(affine.scales().size(), INT64_MAX), greatest(affine.scales().size(), INT64_MIN);
  affine.for_each_run(value.type.shape, [&](int64_t first, int64_t count, size_t at) {
    const auto [low, high] = std::minmax_element(integers.begin() + first, integers.begin() + first + count);
    least[at] = std::min(least[at], *low);
    greatest[at] = std::max(greatest[at], *high);
  });
  double bits = 0;
  for (size_t i = 0; i < least.size(); ++i)
    if (least[i] <= greatest[i]) bits += bits_between(static_cast<double>(least[i]), static_cast<double>(greatest[i]));
  return bits / static_cast<double>(least.size());
}

RangeInfo range_of_weights(const Value& value) {
  RangeInfo range = real_range(value.name, dequantize(*value.constant, value.type.affine));
  range.type = dtype_name(value.type.dtype);
  if (!value.type.affine || value.constant->size() == 0) return range;
  add_scales(value.type, range);
  range.bits_used = bits_of_constant(value);
  return range;
}

RangeInfo range_of_integers(const Value& value) {
  const Affine& affine = *value.type.affine;
  const IntegerRange integers = integer_range(value.type.dtype);
  RangeInfo range;
  range.name = value.name;
  add_scales(value.type, range);
  for (size_t i = 0; i < affine.scales().size(); ++i) {
    const double scale = affine.scales()[i], zero = affine.zero_points()[i];
    range.min = std::min(range.min, (static_cast<double>(integers.min) - zero) * scale);
    range.max = std::max(range.max, (static_cast<double>(integers.max) - zero) * scale);
  }
  return range;
}

// The mean over the scales of the bits that the observed numbers fill; nothing where no channel has both.
std::optional<double> bits_of_observed(const TensorType& type, const ValueStatistics& statistics) {
  const Affine& affine = *type.affine;
  const IntegerRange integers = integer_range(type.dtype);
  const bool by_channel = affine.axis() == std::optional<size_t>(1) && statistics.channel_extremes().size() == static_cast<size_t>(type.shape[1]);
  if (!affine.is_per_tensor() && !by_channel) return std::nullopt;
  const std::vector<Extremes> extremes = by_channel ? statistics.channel_extremes() : std::vector<Extremes>{statistics.extremes()};
  const auto channels = static_cast<int64_t>(extremes.size());
  const auto scales = by_channel ? affine.scales_along(1, channels) : affine.scales();
  const auto zero_points = by_channel ? affine.zero_points_along(1, channels) : affine.zero_points();
  const auto integer = [&](float x, size_t channel) {
    const double q = std::nearbyint(double{x} / scales[channel]) + zero_points[channel];
    return std::clamp(q, static_cast<double>(integers.min), static_cast<double>(integers.max));
  };
  double bits = 0;
  for (size_t c = 0; c < extremes.size(); ++c)
    if (!extremes[c].empty()) bits += bits_between(integer(extremes[c].min, c), integer(extremes[c].max, c));
  return bits / static_cast<double>(extremes.size());
}

}  // namespace

Work work_of(const Graph& graph, bool in_integers, bool with_kernels, const Context& context) {
  if (with_kernels) {
    const auto network = Network::make(graph, in_integers, context.isa, 1);
    if (!network) return {};
    Work work = summary_of((*network)->plan());
    add_kernels((*network)->placement(), work);
    return work;
  }
  const auto plan = make_plan(graph);
  return plan ? summary_of(*plan) : Work();
}

bool is_weight(const Graph& graph, ValueId value) { return graph.is_constant(value) && graph.value(value).type.dtype != DType::kInt64; }

int64_t stored_bytes(const TensorType& type) {
  const int64_t count = element_count(type.shape);
  const bool is_half = type.dtype == DType::kInt4 || type.dtype == DType::kUint4;
  return is_half ? (count + 1) / 2 : count * dtype_size(type.dtype);
}

halftone::LayerInfo layer_of(const Graph& graph, const Node& node, const Work& work, const Statistics* statistics) {
  halftone::LayerInfo layer;
  const Value& output = graph.value(node.outputs[0]);
  layer.name = node.name;
  layer.op = op_name(node.op);
  layer.output = describe(output.type);
  const Value* largest = nullptr;
  for (ValueId input : node.inputs) {
    if (!input.valid()) continue;
    const Value& value = graph.value(input);
    if (!value.constant) layer.inputs.push_back(describe(value.type));
    layer.moved_bytes += stored_bytes(value.type);
    if (!is_weight(graph, input)) continue;
    const int64_t count = element_count(value.type.shape);
    layer.parameters += count;
    layer.float_bytes += count * dtype_size(DType::kFloat32);
    layer.bytes += stored_bytes(value.type);
    if (!largest || count > element_count(largest->type.shape)) largest = &value;
  }
  for (ValueId id : node.outputs)
    if (id.valid()) layer.moved_bytes += stored_bytes(graph.value(id).type);
  if (const auto found = work.layers.find(node.name); found != work.layers.end()) {
    layer.macs = found->second.macs;
    layer.kernel = found->second.kernel;
  }
  if (layer.moved_bytes > 0) layer.intensity = static_cast<double>(layer.macs) / static_cast<double>(layer.moved_bytes);
  if (largest) layer.weights = range_of_weights(*largest);
  layer.range = range_of(output, statistics);
  return layer;
}

std::optional<RangeInfo> range_of(const Value& value, const Statistics* statistics) {
  const ValueStatistics* seen = nullptr;
  if (statistics)
    if (const auto found = statistics->values.find(value.name); found != statistics->values.end()) seen = &found->second;
  if (value.constant || (!value.type.affine && !seen)) return std::nullopt;
  if (!value.type.affine) return observed_range(value.name, *seen);
  RangeInfo range = range_of_integers(value);
  if (!seen) return range;
  const RangeInfo observed = observed_range(value.name, *seen);
  range.observed_min = observed.min;
  range.observed_max = observed.max;
  range.mean = observed.mean;
  range.rms = observed.rms;
  range.bits_used = bits_of_observed(value.type, *seen);
  return range;
}

RangeInfo observed_range(const std::string& name, const ValueStatistics& statistics) {
  RangeInfo range;
  range.name = name;
  range.type = "f32";
  range.channels = std::max<int64_t>(statistics.channels(), 1);
  if (statistics.extremes().empty()) return range;
  range.min = statistics.extremes().min;
  range.max = statistics.extremes().max;
  if (statistics.sampled() == 0) return range;
  range.mean = statistics.mean();
  range.rms = std::sqrt(statistics.mean_square());
  return range;
}

}  // namespace ht
