// SPDX-License-Identifier: Apache-2.0
#include "ir/graph.h"

#include <algorithm>
#include <set>
#include <unordered_set>

namespace ht {

std::string_view op_name(const Op& op) {
  if (const auto* unary = std::get_if<Unary>(&op)) return kUnaryNames[static_cast<size_t>(unary->kind)];
  if (const auto* binary = std::get_if<Binary>(&op)) return kBinaryNames[static_cast<size_t>(binary->kind)];
  if (const auto* reduce = std::get_if<Reduce>(&op)) return kReduceNames[static_cast<size_t>(reduce->kind)];
  if (const auto* pool = std::get_if<Pool>(&op)) {
    if (pool->global) return pool->kind == PoolKind::kMax ? "GlobalMaxPool" : "GlobalAveragePool";
    return kPoolNames[static_cast<size_t>(pool->kind)];
  }
  if (const auto* extreme = std::get_if<ArgExtreme>(&op)) return extreme->smallest ? "ArgMin" : "ArgMax";
  if (const auto* cumulative = std::get_if<Cumulative>(&op)) return kCumulativeNames[static_cast<size_t>(cumulative->kind)];
  if (const auto* softmax = std::get_if<Softmax>(&op)) return softmax->logarithm ? "LogSoftmax" : "Softmax";
  return std::visit([](const auto& attributes) { return std::decay_t<decltype(attributes)>::kName; }, op);
}

Links::Links(const Graph& graph) : producers_(graph.values.size()), consumers_(graph.values.size()), is_output_(graph.values.size()) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    for (ValueId output : graph.nodes[i].outputs) producers_[output.index] = NodeId(i);
    for (ValueId input : graph.nodes[i].inputs) {
      if (!input.valid()) continue;
      auto& readers = consumers_[input.index];
      if (readers.empty() || readers.back() != NodeId(i)) readers.push_back(NodeId(i));
    }
  }
  for (ValueId output : graph.outputs) is_output_[output.index] = true;
}

void Links::change_inputs(const Graph& graph, NodeId node, const std::vector<ValueId>& before) {
  producers_.resize(graph.values.size());
  consumers_.resize(graph.values.size());
  is_output_.resize(graph.values.size());
  for (ValueId input : before)
    if (input.valid()) std::erase(consumers_[input.index], node);
  for (ValueId input : graph.node(node).inputs) {
    if (!input.valid()) continue;
    auto& readers = consumers_[input.index];
    const auto at = std::ranges::lower_bound(readers, node.index, {}, &NodeId::index);
    if (at == readers.end() || *at != node) readers.insert(at, node);
  }
}

NodeId Links::only_consumer(ValueId value) const {
  const auto& readers = consumers(value);
  return readers.size() == 1 && !is_output(value) ? readers.front() : NodeId();
}

Status sort_nodes(Graph& graph) {
  const Links links(graph);
  std::vector<int> missing(graph.nodes.size(), 0);
  std::set<size_t> ready;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    std::set<ValueId> seen;
    for (ValueId input : graph.nodes[i].inputs)
      if (input.valid() && links.producer(input).valid() && seen.insert(input).second) ++missing[i];
    if (missing[i] == 0) ready.insert(i);
  }
  std::vector<Node> sorted;
  sorted.reserve(graph.nodes.size());
  while (!ready.empty()) {
    const size_t i = *ready.begin();
    ready.erase(ready.begin());
    for (ValueId output : graph.nodes[i].outputs)
      for (NodeId reader : links.consumers(output))
        if (--missing[reader.index] == 0) ready.insert(reader.index);
    sorted.push_back(graph.nodes[i]);
  }
  if (sorted.size() != graph.nodes.size()) {
    const auto stuck = std::ranges::find_if(missing, [](int n) { return n > 0; }) - missing.begin();
    return input_error("the node takes part in a cycle: it needs its own output").in("node " + graph.nodes[static_cast<size_t>(stuck)].name);
  }
  graph.nodes = std::move(sorted);
  return {};
}

void compact_values(Graph& graph) {
  std::vector<bool> used(graph.values.size(), false);
  auto mark = [&](const std::vector<ValueId>& ids) {
    for (ValueId id : ids)
      if (id.valid()) used[id.index] = true;
  };
  mark(graph.inputs);
  mark(graph.outputs);
  for (const Node& node : graph.nodes) {
    mark(node.inputs);
    mark(node.outputs);
  }
  std::vector<ValueId> renumbered(graph.values.size());
  std::vector<Value> kept;
  for (size_t i = 0; i < graph.values.size(); ++i) {
    if (!used[i]) continue;
    renumbered[i] = ValueId(kept.size());
    kept.push_back(std::move(graph.values[i]));
  }
  graph.values = std::move(kept);
  auto renumber = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids)
      if (id.valid()) id = renumbered[id.index];
  };
  renumber(graph.inputs);
  renumber(graph.outputs);
  for (Node& node : graph.nodes) {
    renumber(node.inputs);
    renumber(node.outputs);
  }
}

FreshNames::FreshNames(const Graph& graph) {
  for (const Value& value : graph.values) reserve(value.name);
  for (const Node& node : graph.nodes) reserve(node.name);
}

std::string FreshNames::make(const std::string& wish) {
  auto [entry, is_new] = taken_.emplace(wish, 1);
  if (is_new) return wish;
  // To count on from where the same wish ended before keeps many of them from taking quadratic time.
  while (true) {
    std::string name = fmt::format("{}_{}", wish, entry->second++);
    if (taken_.emplace(name, 1).second) return name;
  }
}

namespace {

Status verify_value(const Value& value) {
  if (value.name.empty()) return input_error("a value has no name");
  HT_TRY(checked_element_count(value.type.shape));
  if (value.type.affine) HT_TRY(value.type.affine->fits(value.type.dtype, value.type.shape));
  if (value.constant && (value.constant->dtype() != value.type.dtype || value.constant->shape() != value.type.shape))
    return input_error("the constant is of type {} {}, its value of type {} {}", dtype_name(value.constant->dtype()),
                       shape_text(value.constant->shape()), dtype_name(value.type.dtype), shape_text(value.type.shape));
  return {};
}

}  // namespace

Status verify_structure(const Graph& graph) {
  std::unordered_set<std::string_view> names(2 * graph.values.size());
  std::vector<bool> known(graph.values.size(), false);
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (auto status = verify_value(value); !status) return std::move(status.error()).in("value " + value.name);
    if (!names.insert(value.name).second) return input_error("two values have this name").in("value " + value.name);
    known[i] = value.constant.has_value();
  }
  auto in_range = [&](ValueId id) { return id.index < graph.values.size(); };
  for (ValueId input : graph.inputs) {
    if (!in_range(input) || known[input.index]) return input_error("the graph's inputs are not distinct values");
    known[input.index] = true;
  }
  for (const Node& node : graph.nodes) {
    const auto place = [&] { return "node " + node.name; };
    for (ValueId input : node.inputs)
      if (input.valid() && (!in_range(input) || !known[input.index]))
        return input_error("reads a value before it is made").in(place());
    for (ValueId output : node.outputs) {
      if (!in_range(output)) return input_error("has no value for one of its outputs").in(place());
      if (known[output.index]) return input_error("makes the value {} a second time", graph.value(output).name).in(place());
      known[output.index] = true;
    }
  }
  for (ValueId output : graph.outputs)
    if (!in_range(output) || !known[output.index]) return input_error("an output of the graph is never made");
  return {};
}

}  // namespace ht
