// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "api/content.h"
#include "api/layers.h"
#include "api/metadata.h"
#include "api/tensor.h"

#include <nlohmann/json.hpp>

namespace ht {
namespace {

using halftone::InspectResult;
using halftone::LayerInfo;

void add_operators(InspectResult& result) {
  std::map<std::string, int64_t> counts;
  for (const LayerInfo& layer : result.layers) ++counts[layer.op];
  for (const auto& [op, count] : counts) result.operators.push_back({op, count});
  std::ranges::stable_sort(result.operators, std::greater(), &halftone::OperatorCount::count);
}

void count_weights(const Graph& graph, InspectResult& result) {
  std::set<ValueId> seen;
  for (const Node& node : graph.nodes) {
    for (ValueId input : node.inputs) {
      if (!is_weight(graph, input) || !seen.insert(input).second) continue;
      result.parameters += element_count(graph.value(input).type.shape);
      result.weight_bytes += stored_bytes(graph.value(input).type);
    }
  }
}

// Statistics are of the float model: of this one, or of the one that this one's manifest names.
Status check_origin(const halftone::Model::Content& model, const halftone::Statistics::Content& statistics) {
  std::string origin = model.hash;
  if (const auto manifest = model.graph.metadata.find(kManifestKey); manifest != model.graph.metadata.end()) {
    const auto document = nlohmann::json::parse(manifest->second, nullptr, false);
    if (document.is_object() && document.contains("model") && document["model"].is_string()) origin = document["model"].get<std::string>();
  }
  if (origin == statistics.statistics.provenance.model) return {};
  return input_error("the statistics are of another model than {} and what it was made from", model.path.string()).in(statistics.path);
}

}  // namespace
}  // namespace ht

namespace halftone {

Result<InspectResult> Model::inspect(const InspectOptions& options, const Context& context) const {
  const ht::Graph& graph = content_->graph;
  const ht::Statistics* statistics = options.statistics ? &options.statistics->content().statistics : nullptr;
  if (statistics) HT_TRY(ht::check_origin(*content_, options.statistics->content()));
  const ht::Work work = ht::work_of(graph, content_->is_quantized, options.kernels, context);
  InspectResult result;
  result.path = content_->path.string();
  result.kind = content_->is_quantized ? "quantized model" : "float model";
  result.inputs = inputs();
  result.outputs = outputs();
  result.macs = work.macs;
  result.conversions = work.conversions;
  result.bytes = content_->file_bytes;
  ht::count_weights(graph, result);
  for (const ht::Node& node : graph.nodes) result.layers.push_back(ht::layer_of(graph, node, work, statistics));
  ht::add_operators(result);
  for (const ht::Value& value : graph.values)
    if (auto range = ht::range_of(value, statistics); range && !value.constant) result.ranges.push_back(*std::move(range));
  if (auto found = recipe(); found && found->task.type == TaskType::kDetection) result.task = found->task;
  return result;
}

InspectResult Statistics::inspect() const {
  const ht::Statistics& statistics = content_->statistics;
  InspectResult result;
  result.path = content_->path;
  result.kind = "statistics";
  result.bytes = content_->file_bytes;
  result.images = statistics.observed;
  for (const auto& [name, value] : statistics.values) result.ranges.push_back(ht::observed_range(name, value));
  return result;
}

}  // namespace halftone
