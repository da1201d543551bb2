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

int64_t weight_count(const Graph& graph, const Node& node) { return is_weighted(graph, node) ? element_count(graph.value(node.inputs[1]).type.shape) : 0; }

// Of depthwise, first and last products the smallest ones, which together have no more weights than may have 8 bits.
std::vector<size_t> sensitive_layers(const Graph& graph, const WideWeights& wide) {
  const std::vector<bool> outer = outer_products(graph);
  std::vector<size_t> layers;
  int64_t left = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    left += weight_count(graph, node);
    if (is_weighted(graph, node) && (outer[i] || is_depthwise(graph, node))) layers.push_back(i);
  }
  left = wide.most_of(left);
  std::ranges::stable_sort(layers, std::less(), [&](size_t i) { return weight_count(graph, graph.nodes[i]); });
  const auto end = std::ranges::find_if(layers, [&](size_t i) { return (left -= weight_count(graph, graph.nodes[i])) < 0; });
  layers.erase(end, layers.end());
  return layers;
}

std::vector<size_t> wide_layers(const Graph& graph, const WideWeights& wide) {
  if (!wide.products) return sensitive_layers(graph, wide);
  std::vector<size_t> layers;
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    if (wide.products->contains(graph.nodes[i].name)) layers.push_back(i);
  return layers;
}

void apply(const LayerRule& rule, LayerChoice& choice) {
  if (rule.weights) choice.weights = *rule.weights;
  if (rule.group) choice.group = *rule.group;
  if (rule.activations) choice.activations = *rule.activations;
  if (rule.per_channel) choice.per_channel = *rule.per_channel;
  if (rule.symmetric) choice.symmetric = *rule.symmetric;
  if (rule.ranges) choice.ranges = *rule.ranges;
  if (!rule.keep_float) return;
  choice.float_reason = *rule.keep_float ? fmt::format("a rule for \"{}\" keeps it in float", rule.match) : "";
  choice.stays_integer = !*rule.keep_float;
}

}  // namespace

int64_t WideWeights::most_of(int64_t weights) const {
  constexpr double kWide = 8, kNarrow = 4;
  return static_cast<int64_t>(static_cast<double>(weights) * (average_bits - kNarrow) / (kWide - kNarrow));
}

Result<std::vector<size_t>> nodes_called(const Graph& graph, const std::string& pattern, std::string_view key) {
  std::vector<size_t> matches;
  for (size_t i = 0; i < graph.nodes.size(); ++i)
    if (fnmatch(pattern.c_str(), graph.nodes[i].name.c_str(), 0) == 0) matches.push_back(i);
  if (matches.empty()) return usage_error("{}: no node is called \"{}\"; `halftone inspect --per-layer` lists the names", key, pattern);
  return matches;
}

namespace {

// Over all constant weights of products that are not to stay in float.
double mean_weight_bits(const Graph& graph, const std::vector<LayerChoice>& choices) {
  double weights = 0, bits = 0;
  for (size_t i = 0; i < choices.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!is_weighted(graph, node) || !choices[i].float_reason.empty()) continue;
    const auto count = static_cast<double>(weight_count(graph, node));
    weights += count;
    bits += count * choices[i].weights;
  }
  return bits / weights;
}

// Whether a layer that is not to stay in float has weights of 4 bits, and whether any has them in groups.
struct FourBits {
  bool any = false, grouped = false;
};
FourBits four_bits(const Graph& graph, const std::vector<LayerChoice>& choices) {
  FourBits found;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (choices[i].weights != 4 || !is_weighted(graph, graph.nodes[i])) continue;
    found.any = found.any || choices[i].float_reason.empty();
    found.grouped = found.grouped || choices[i].group != 0;
  }
  return found;
}

}  // namespace

Result<std::vector<LayerChoice>> choose_layers(const Graph& graph, const LayerChoice& all, const std::vector<LayerRule>& rules,
                                               const WideWeights& wide, std::vector<std::string>& notes) {
  std::vector<LayerChoice> choices(graph.nodes.size(), all);
  if (all.weights < 8) {
    for (LayerChoice& choice : choices) choice.open_bits = true;
    for (size_t i : wide_layers(graph, wide)) choices[i].weights = 8;
  }
  for (const LayerRule& rule : rules) {
    HT_ASSIGN(const std::vector<size_t> matches, nodes_called(graph, rule.match, "[[quantize.layer]]"));
    for (size_t i : matches) {
      apply(rule, choices[i]);
      if (rule.weights) choices[i].open_bits = false;
    }
  }
  if (const auto count = std::ranges::count_if(choices, [](const LayerChoice& choice) { return choice.open_bits && choice.weights == 8; }); count > 0)
    notes.push_back(fmt::format("{} {} keep weights of 8 bits; a [[quantize.layer]] rule can change that", count,
                                wide.products ? "layers, whose rounding to 4 bits harms the heads most for their size," : "depthwise, first and last layers"));
  const FourBits found = four_bits(graph, choices);
  const bool wants_groups = all.group != 0 || std::ranges::any_of(rules, [](const LayerRule& rule) { return rule.group.value_or(0) != 0; });
  if (wants_groups && !found.grouped) return usage_error("group: no layer has weights of 4 bits; give weights = 4, or leave group out");
  if (found.any) notes.push_back(fmt::format("weights have {:.2f} bits on average, scales not counted", mean_weight_bits(graph, choices)));
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
