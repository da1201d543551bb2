// SPDX-License-Identifier: Apache-2.0
#include "quantize/unclipped.h"

#include <algorithm>
#include <array>
#include <map>

#include "quantize/ranges.h"
#include "quantize/roles.h"

namespace ht {
namespace {

// What is left of the error, at most: of a value rounded alone, and of the whole network. Ranges have seen the photos that it is measured on, which are few.
constexpr double kClearGain = 0.8, kClearGainTogether = 0.75;

using TypeOfValue = std::map<std::string, TensorType>;

TypeOfValue types_of(const Graph& quantized) {
  TypeOfValue types;
  for (const Value& value : quantized.values)
    if (value.type.is_quantized() && !value.constant) types.emplace(value.name, value.type);
  return types;
}

// Names of quantized values that share parameters, because integers are moved from one to the other.
std::vector<std::vector<std::string>> groups_of(const QuantizedGraph& quantized) {
  const Graph& graph = quantized.graph;
  std::set<std::string_view> floats;
  for (const FloatNode& node : quantized.float_nodes) floats.insert(node.name);
  ValueGroups groups(graph.values.size());
  const auto is_quantized = [&](ValueId value) { return value.valid() && graph.value(value).type.is_quantized() && !graph.is_constant(value); };
  for (const Node& node : graph.nodes) {
    if (std::holds_alternative<Convert>(node.op) || quant_rule(node).kind != QuantKind::kMove || floats.contains(node.name) || !is_quantized(node.outputs[0])) continue;
    for (size_t i : data_inputs(graph, node))
      if (is_quantized(node.inputs[i])) groups.join(node.outputs[0], node.inputs[i]);
  }
  std::map<size_t, std::vector<std::string>> members;
  for (size_t v = 0; v < graph.values.size(); ++v)
    if (is_quantized(ValueId(v))) members[groups.find(ValueId(v))].push_back(graph.values[v].name);
  std::vector<std::vector<std::string>> found;
  for (auto& [root, names] : members) found.push_back(std::move(names));
  return found;
}

bool reads_any(const IntegerLayer& layer, const IntegerLayer& rounding) {
  return std::ranges::any_of(layer.grids, [&](const auto& grid) { return rounding.grids.contains(grid.first); });
}

// Values of the float graph that nodes make; the outputs of the graph stay in float.
std::map<std::string, std::string> makers_of(const Graph& graph) {
  std::map<std::string, std::string> makers;
  for (const Node& node : graph.nodes)
    for (ValueId output : node.outputs)
      if (std::ranges::find(graph.outputs, output) == graph.outputs.end()) makers.emplace(graph.value(output).name, node.name);
  return makers;
}

// Values that share parameters, each rounded on the grid of `made` and on one that holds all that was seen.
struct RangeChoice {
  std::vector<std::string> members;
  IntegerLayer clipped, whole;
};

std::vector<RangeChoice> candidates_of(const Graph& graph, const QuantizedGraph& made, const QuantizedGraph& whole) {
  const std::map<std::string, std::string> makers = makers_of(graph);
  const TypeOfValue clipped_types = types_of(made.graph), whole_types = types_of(whole.graph);
  std::vector<RangeChoice> candidates;
  for (auto& group : groups_of(made)) {
    RangeChoice candidate{std::move(group), {}, {}};
    for (const std::string& name : candidate.members) {
      const auto maker = makers.find(name);
      const auto other = whole_types.find(name);
      if (maker == makers.end() || other == whole_types.end()) continue;
      candidate.clipped.node = candidate.whole.node = maker->second;
      candidate.clipped.grids.emplace(name, clipped_types.at(name));
      candidate.whole.grids.emplace(name, other->second);
    }
    if (candidate.clipped.grids != candidate.whole.grids) candidates.push_back(std::move(candidate));
  }
  return candidates;
}

// Values rounded, and the weights of the layers that read them.
Trial trial_of(const IntegerLayer& rounding, const std::vector<IntegerLayer>& layers) {
  Trial trial{{&rounding, false, true}};
  for (const IntegerLayer& layer : layers)
    if (reads_any(layer, rounding)) trial.push_back({&layer, true, false});
  return trial;
}

}  // namespace

Result<std::set<std::string>> find_unclipped_values(const Graph& graph, const Statistics& statistics, QuantizeRequest request, const QuantizedGraph& made,
                                                    const MeasureTrials& measure) {
  for (const auto& [value, maker] : makers_of(graph)) request.unclipped.insert(value);
  HT_ASSIGN(const QuantizedGraph whole, quantize_graph(graph, statistics, request));
  const std::vector<RangeChoice> candidates = candidates_of(graph, made, whole);
  request.unclipped.clear();
  if (candidates.empty()) return request.unclipped;
  const std::vector<IntegerLayer> layers = integer_layers(graph, made), whole_layers = integer_layers(graph, whole);
  const std::vector<std::string> judged = judged_values(graph);
  std::vector<Trial> trials;
  for (const RangeChoice& candidate : candidates) {
    trials.push_back(trial_of(candidate.clipped, layers));
    trials.push_back(trial_of(candidate.whole, whole_layers));
  }
  HT_ASSIGN(const std::vector<double> errors, measure(trials, judged));
  for (size_t i = 0; i < candidates.size(); ++i)
    if (errors[2 * i + 1] < kClearGain * errors[2 * i]) request.unclipped.insert(candidates[i].members.begin(), candidates[i].members.end());
  if (request.unclipped.empty()) return request.unclipped;
  HT_ASSIGN(const QuantizedGraph refined, quantize_graph(graph, statistics, request));
  const std::vector<IntegerLayer> refined_layers = integer_layers(graph, refined);
  HT_ASSIGN(const std::vector<double> together, measure(std::array{whole_trial(layers), whole_trial(refined_layers)}, judged));
  return together[1] < kClearGainTogether * together[0] ? request.unclipped : std::set<std::string>();
}

}  // namespace ht
