// SPDX-License-Identifier: Apache-2.0
#include "quantize/layers.h"

#include <fnmatch.h>

#include <algorithm>

#include "quantize/roles.h"

namespace ht {
namespace {

// Products that no other product stands before, and those that none stands behind.
std::vector<bool> outer_products(const Graph& graph) {
  const Links links(graph);
  std::vector<bool> outer(graph.nodes.size(), false), seen(graph.nodes.size(), false);
  const auto visit = [&](std::vector<NodeId> open, const auto& next) {
    seen.assign(graph.nodes.size(), false);
    while (!open.empty()) {
      const NodeId id = open.back();
      open.pop_back();
      if (seen[id.index]) continue;
      seen[id.index] = true;
      if (is_weighted(graph, graph.node(id))) {
        outer[id.index] = true;
        continue;
      }
      next(id, open);
    }
  };
  std::vector<NodeId> first, last;
  for (ValueId input : graph.inputs)
    for (NodeId reader : links.consumers(input)) first.push_back(reader);
  for (ValueId output : graph.outputs)
    if (const NodeId producer = links.producer(output); producer.valid()) last.push_back(producer);
  visit(first, [&](NodeId id, std::vector<NodeId>& open) {
    for (ValueId output : graph.node(id).outputs)
      for (NodeId reader : links.consumers(output)) open.push_back(reader);
  });
  visit(last, [&](NodeId id, std::vector<NodeId>& open) {
    for (ValueId input : graph.node(id).inputs)
      if (const NodeId producer = input.valid() ? links.producer(input) : NodeId(); producer.valid()) open.push_back(producer);
  });
  return outer;
}

void apply(const LayerRule& rule, LayerChoice& choice) {
  if (rule.weights) choice.weights = *rule.weights;
  if (rule.activations) choice.activations = *rule.activations;
  if (rule.per_channel) choice.per_channel = *rule.per_channel;
  if (rule.symmetric) choice.symmetric = *rule.symmetric;
  if (rule.ranges) choice.ranges = *rule.ranges;
  if (!rule.keep_float) return;
  choice.float_reason = *rule.keep_float ? fmt::format("a rule for \"{}\" keeps it in float", rule.match) : "";
  choice.stays_integer = !*rule.keep_float;
}

}  // namespace

Result<std::vector<size_t>> nodes_called(const Graph& graph, const std::string& pattern, std::string_view key) {
  std::vector<size_t> matches;
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    if (fnmatch(pattern.c_str(), graph.nodes[i].name.c_str(), 0) == 0) matches.push_back(i);
  if (matches.empty()) return usage_error("{}: no node is called \"{}\"; `halftone inspect --per-layer` lists the names", key, pattern);
  return matches;
}

Result<std::vector<LayerChoice>> choose_layers(const Graph& graph, const LayerChoice& all, const std::vector<LayerRule>& rules,
                                               std::vector<std::string>& notes) {
  std::vector<LayerChoice> choices(graph.nodes.size(), all);
  std::vector<bool> kept(choices.size(), false);
  if (all.weights < 8) {
    const std::vector<bool> outer = outer_products(graph);
    for (size_t i = 0; i < choices.size(); ++i) {
      const Node& node = graph.nodes[i];
      kept[i] = is_weighted(graph, node) && (outer[i] || is_depthwise(graph, node));
      if (kept[i]) choices[i].weights = 8;
    }
  }
  for (const LayerRule& rule : rules) {
    HT_ASSIGN(const std::vector<size_t> matches, nodes_called(graph, rule.match, "[[quantize.layer]]"));
    for (size_t i : matches) {
      apply(rule, choices[i]);
      if (rule.weights) kept[i] = false;
    }
  }
  if (const auto count = std::ranges::count(kept, true); count > 0)
    notes.push_back(fmt::format("{} depthwise, first and last layers keep weights of 8 bits; a [[quantize.layer]] rule can change that", count));
  return choices;
}

LayerChoice joint_choice(const std::vector<const LayerChoice*>& readers) {
  LayerChoice joint = readers.empty() ? LayerChoice{} : *readers.front();
  for (const LayerChoice* reader : readers) {
    joint.activations = std::max(joint.activations.value_or(0), reader->activations.value_or(0));
    joint.per_channel = joint.per_channel && reader->per_channel;
    if (reader->symmetric && joint.symmetric != true) joint.symmetric = reader->symmetric;
  }
  return joint;
}

}  // namespace ht
