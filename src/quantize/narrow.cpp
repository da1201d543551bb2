// SPDX-License-Identifier: Apache-2.0
#include "quantize/narrow.h"

#include <algorithm>
#include <map>

#include "calibrate/range.h"
#include "ops/steps.h"
#include "quantize/ranges.h"

namespace ht {
namespace {

// Of the Concat's; with fewer than four bits of its own left, a value gains more than the extra rounding of a copy costs.
constexpr double kFewSteps = 16;

class NarrowValues {
 public:
  NarrowValues(const Graph& graph, const std::vector<Role>& roles, const std::vector<bool>& quantized, const Statistics& statistics)
      : graph_(graph), roles_(roles), quantized_(quantized), links_(graph), groups_(graph.values.size()) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
      const Node& node = graph.nodes[i];
      if (!moves(NodeId(i)) || std::holds_alternative<Concat>(node.op)) continue;
      for (size_t input : data_inputs(graph, node))
        if (quantized[node.inputs[input].index]) groups_.join(node.outputs[0], node.inputs[input]);
    }
    for (size_t v = 0; v < quantized.size(); ++v)
      if (quantized[v]) add(ValueId(v), statistics);
  }

  // The inputs of this node that are to be copies.
  std::vector<ValueId> of(NodeId id) const {
    const Node& node = graph_.node(id);
    const std::optional<Affine>& affine = graph_.value(node.outputs[0]).type.affine;
    if (!moves(id) || !std::holds_alternative<Concat>(node.op) || !affine->is_per_tensor()) return {};
    const double narrowest = kFewSteps * affine->scales()[0];
    std::vector<ValueId> narrow;
    for (size_t input : data_inputs(graph_, node)) {
      const ValueId value = node.inputs[input];
      if (!quantized_[value.index] || std::ranges::find(narrow, value) != narrow.end()) continue;
      const Together& own = together_.at(groups_.find(value));
      if (own.is_known && own.has_other_readers && own.range.max - own.range.min < narrowest) narrow.push_back(value);
    }
    return narrow;
  }

 private:
  // Values that are moved from one to the other by anything but a Concat.
  struct Together {
    Range range = {};
    bool is_known = true, has_other_readers = false;
  };

  bool moves(NodeId id) const {
    const Node& node = graph_.node(id);
    return roles_[id.index].is_integer() && quant_rule(node).kind == QuantKind::kMove && quantized_[node.outputs[0].index];
  }

  void add(ValueId value, const Statistics& statistics) {
    Together& all = together_[groups_.find(value)];
    const auto found = statistics.values.find(graph_.value(value).name);
    if (found == statistics.values.end()) {
      all.is_known = false;
    } else if (const Extremes& extremes = found->second.extremes(); !extremes.empty()) {
      all.range = {std::min<double>(all.range.min, extremes.min), std::max<double>(all.range.max, extremes.max)};
    }
    const auto& readers = links_.consumers(value);
    all.has_other_readers = all.has_other_readers || std::ranges::any_of(readers, [&](NodeId reader) { return !moves(reader); });
  }

  const Graph& graph_;
  const std::vector<Role>& roles_;
  const std::vector<bool>& quantized_;
  Links links_;
  ValueGroups groups_;
  std::map<size_t, Together> together_;
};

}  // namespace

bool convert_narrow_values(Graph& graph, std::vector<Role>& roles, std::vector<bool>& quantized, const Statistics& statistics, const Equalizations& equalized) {
  std::map<NodeId, std::vector<ValueId>> narrow;
  const NarrowValues values(graph, roles, quantized, statistics);
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    if (!equalized.contains(graph.value(graph.nodes[i].outputs[0]).name)) narrow.emplace(NodeId(i), values.of(NodeId(i)));
  std::erase_if(narrow, [](const auto& found) { return found.second.empty(); });
  if (narrow.empty()) return false;
  for (size_t v = 0; v < quantized.size(); ++v)
    if (quantized[v]) graph.values[v].type = {DType::kFloat32, graph.values[v].type.shape, std::nullopt};
  FreshNames names(graph);
  for (const auto& [concat, inputs] : narrow) {
    for (ValueId value : inputs) {
      const std::string name = graph.value(value).name;
      const ValueId copy = graph.add_value({names.make(name + "_copy"), graph.value(value).type, std::nullopt});
      std::ranges::replace(graph.node(concat).inputs, value, copy);
      graph.nodes.push_back({names.make(name + "_convert"), Convert{}, {value}, {copy}});
      roles.push_back({});
      quantized.resize(graph.values.size(), false);
      quantized[copy.index] = true;
    }
  }
  return true;
}

}  // namespace ht
