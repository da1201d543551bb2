// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "api/content.h"
#include "api/tensor.h"
#include "ops/prepare.h"

namespace ht {
namespace {

using halftone::InspectResult;
using halftone::LayerInfo;
using halftone::RangeInfo;

std::string describe(const TensorType& type) {
  const bool per_channel = type.affine && !type.affine->is_per_tensor();
  return fmt::format("{}{} {}", dtype_name(type.dtype), per_channel ? " per channel" : "", shape_text(type.shape));
}

// Learned numbers among the node's constants; indices and sizes are not.
int64_t parameters_of(const Graph& graph, const Node& node) {
  int64_t count = 0;
  for (ValueId input : node.inputs) {
    if (graph.is_constant(input) && graph.value(input).type.dtype != DType::kInt64) count += element_count(graph.value(input).type.shape);
  }
  return count;
}

struct Work {
  std::map<std::string, int64_t> macs;  // by node
  int64_t total = 0, conversions = 0;
};

// A model that has no plan, say for a type that no kernel has, is still worth a look.
Work work_of(const Graph& graph) {
  Work work;
  const auto plan = make_plan(graph);
  if (!plan) return work;
  for (const Step& step : plan->steps) {
    work.macs[step.node] += step.macs;
    work.total += step.macs;
    work.conversions += step.is_conversion ? 1 : 0;
  }
  return work;
}

RangeInfo range_of(const Value& value) {
  const Affine& affine = *value.type.affine;
  const IntegerRange integers = integer_range(value.type.dtype);
  RangeInfo range{value.name, std::string(dtype_name(value.type.dtype)), static_cast<int64_t>(affine.scales().size()), 0, 0, {}, {}};
  for (size_t i = 0; i < affine.scales().size(); ++i) {
    const double scale = affine.scales()[i], zero = affine.zero_points()[i];
    range.min = std::min(range.min, (static_cast<double>(integers.min) - zero) * scale);
    range.max = std::max(range.max, (static_cast<double>(integers.max) - zero) * scale);
    range.scale = std::max(range.scale.value_or(0), scale);
  }
  if (affine.is_per_tensor()) range.zero_point = affine.zero_points()[0];
  return range;
}

void add_operators(InspectResult& result) {
  std::map<std::string, int64_t> counts;
  for (const LayerInfo& layer : result.layers) ++counts[layer.op];
  for (const auto& [op, count] : counts) result.operators.push_back({op, count});
  std::ranges::stable_sort(result.operators, std::greater(), &halftone::OperatorCount::count);
}

int64_t all_parameters(const Graph& graph) {
  std::set<ValueId> seen;
  int64_t count = 0;
  for (const Node& node : graph.nodes) {
    for (ValueId input : node.inputs) {
      if (!graph.is_constant(input) || graph.value(input).type.dtype == DType::kInt64 || !seen.insert(input).second) continue;
      count += element_count(graph.value(input).type.shape);
    }
  }
  return count;
}

}  // namespace
}  // namespace ht

namespace halftone {

InspectResult Model::inspect() const {
  const ht::Graph& graph = content_->graph;
  const ht::Work work = ht::work_of(graph);
  InspectResult result;
  result.path = content_->path.string();
  result.kind = content_->is_quantized ? "quantized model" : "float model";
  result.inputs = inputs();
  result.outputs = outputs();
  result.parameters = ht::all_parameters(graph);
  result.macs = work.total;
  result.conversions = work.conversions;
  result.bytes = content_->file_bytes;
  for (const ht::Node& node : graph.nodes) {
    const auto macs = work.macs.find(node.name);
    result.layers.push_back({node.name, std::string(ht::op_name(node.op)), ht::describe(graph.value(node.outputs[0]).type),
                             ht::parameters_of(graph, node), macs == work.macs.end() ? 0 : macs->second});
  }
  ht::add_operators(result);
  for (const ht::Value& value : graph.values)
    if (value.type.affine && !value.constant) result.ranges.push_back(ht::range_of(value));
  if (auto found = recipe(); found && found->task.type == TaskType::kDetection) result.task = found->task;
  return result;
}

InspectResult Statistics::inspect() const {
  const ht::Statistics& statistics = content_->statistics;
  InspectResult result;
  result.path = content_->path;
  result.kind = "statistics";
  result.images = statistics.observed;
  for (const auto& [name, value] : statistics.values) {
    const ht::Extremes& extremes = value.extremes();
    RangeInfo range{name, "f32", std::max<int64_t>(value.channels(), 1), 0, 0, {}, {}};
    if (!extremes.empty()) {
      range.min = extremes.min;
      range.max = extremes.max;
    }
    result.ranges.push_back(std::move(range));
  }
  return result;
}

}  // namespace halftone
