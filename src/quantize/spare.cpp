// SPDX-License-Identifier: Apache-2.0
#include "quantize/spare.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "quantize/roles.h"

namespace ht {
namespace {

// Of the error of all values measured: what a value must make more of for its readers to be spared.
constexpr double kLeastErrorShare = 0.01;

// What a product costs more in float than in integers, in multiplications. An output counts as many as its activation and its conversion
// take the time of, measured on processors with AVX-512: maps of many pixels and few channels cost more than their multiplications tell.
constexpr double kCostOfOutput = 32;

double cost_of(const Graph& graph, const Node& node) {
  const Shape& weights = graph.value(node.inputs[1]).type.shape;
  const auto outputs = static_cast<double>(element_count(graph.value(node.outputs[0]).type.shape));
  const auto macs = static_cast<double>(std::holds_alternative<Conv>(node.op) ? element_count(weights) / weights[0]
                                                                              : graph.value(node.inputs[0]).type.shape.back());
  return outputs * (macs + kCostOfOutput);
}

// One whose weights are floats as well.
bool is_float_product(const Graph& graph, const std::string& name) {
  const auto node = std::ranges::find(graph.nodes, name, &Node::name);
  return node != graph.nodes.end() && is_weighted(graph, *node) && !graph.value(node->inputs[1]).type.is_quantized();
}

// A value that stays unrounded when these products compute in float: those that read it, or the one that makes it for its activation.
struct Candidate {
  ValueId value;
  std::vector<NodeId> products;
  double cost = 0, error = 0;
};

class Search {
 public:
  Search(const Graph& graph, const QuantizedGraph& quantized) : graph_(graph), links_(graph), pinned_(quantized.pinned) {
    for (const FloatNode& node : quantized.float_nodes) float_nodes_.insert(node.name);
    for (const Value& value : quantized.graph.values)
      if (value.type.is_quantized() && !value.constant) types_.emplace(value.name, value.type);
  }

  bool is_float(const Node& node) const { return float_nodes_.contains(node.name); }
  bool is_integer_product(const Node& node) const { return is_weighted(graph_, node) && !is_float(node); }
  bool may_be_float(const Node& node) const { return is_integer_product(node) && !pinned_.contains(node.name); }

  double total_cost() const {
    double total = 0;
    for (const Node& node : graph_.nodes)
      if (is_weighted(graph_, node)) total += cost_of(graph_, node);
    return total;
  }

  // Outputs of integer products that nothing computes on in integers.
  std::vector<std::string> heads() const {
    std::vector<std::string> names;
    for (const Node& node : graph_.nodes) {
      const auto& readers = links_.consumers(node.outputs[0]);
      const bool ends = std::ranges::all_of(readers, [&](NodeId id) { return is_float(graph_.node(id)); });
      if (ends && is_integer_product(node)) names.push_back(graph_.value(node.outputs[0]).name);
    }
    return names;
  }

  // Quantized values that few products in float would leave unrounded.
  std::vector<Candidate> candidates(double most_cost) const {
    std::vector<Candidate> found;
    for (size_t v = 0; v < graph_.values.size(); ++v) {
      const ValueId id(v);
      if (!types_.contains(graph_.values[v].name) || !links_.producer(id).valid() || std::ranges::find(graph_.outputs, id) != graph_.outputs.end()) continue;
      Candidate candidate{id, products_of(id)};
      for (NodeId product : candidate.products) candidate.cost += cost_of(graph_, graph_.node(product));
      if (!candidate.products.empty() && candidate.cost <= most_cost) found.push_back(std::move(candidate));
    }
    return found;
  }

  const TensorType& type_of(const std::string& value) const { return types_.at(value); }

  // The candidate's value rounded, on behalf of its first product.
  IntegerLayer rounding(const Candidate& candidate) const {
    const std::string& name = graph_.value(candidate.value).name;
    return {graph_.node(candidate.products.front()).name, {{name, types_.at(name)}}, {}};
  }

 private:
  std::vector<NodeId> products_of(ValueId value) const {
    const auto& readers = links_.consumers(value);
    const auto multiplies = [&](NodeId reader) { return may_be_float(graph_.node(reader)) && graph_.node(reader).inputs[0] == value; };
    if (std::ranges::all_of(readers, multiplies)) return {readers.begin(), readers.end()};
    const NodeId producer = links_.producer(value), reader = links_.only_consumer(value);
    const bool is_activated = reader.valid() && std::holds_alternative<Unary>(graph_.node(reader).op);
    return is_activated && may_be_float(graph_.node(producer)) ? std::vector{producer} : std::vector<NodeId>();
  }

  const Graph& graph_;
  Links links_;
  const std::set<std::string>& pinned_;
  std::set<std::string> float_nodes_;
  std::map<std::string, TensorType> types_;
};

}  // namespace

Result<std::vector<FloatNode>> find_spared_nodes(const Graph& graph, const QuantizedGraph& quantized, double share, const MeasureTrials& measure) {
  const Search search(graph, quantized);
  double cost_left = share * search.total_cost();
  std::vector<Candidate> candidates = search.candidates(cost_left);
  const std::vector<std::string> heads = search.heads();
  if (candidates.empty() || heads.empty()) return std::vector<FloatNode>();
  std::vector<IntegerLayer> roundings;
  for (const Candidate& candidate : candidates) roundings.push_back(search.rounding(candidate));
  std::vector<Trial> trials;
  for (const IntegerLayer& rounding : roundings) trials.push_back({{&rounding}});
  HT_ASSIGN(const std::vector<double> errors, measure(trials, heads));
  for (size_t i = 0; i < candidates.size(); ++i) candidates[i].error = errors[i];
  const double total = std::accumulate(errors.begin(), errors.end(), 0.0);
  std::ranges::stable_sort(candidates, std::greater(), [](const Candidate& c) { return c.error / c.cost; });
  std::vector<FloatNode> spared;
  std::set<NodeId> taken;
  for (const Candidate& candidate : candidates) {
    if (candidate.cost > cost_left || candidate.error <= kLeastErrorShare * total) continue;
    cost_left -= candidate.cost;
    const std::string& value = graph.value(candidate.value).name;
    for (NodeId product : candidate.products) {
      const Node& node = graph.node(product);
      const bool is_made = node.outputs[0] == candidate.value;
      if (!taken.insert(product).second) continue;
      spared.push_back({node.name, std::string(op_name(node.op)),
                        fmt::format("rounding its {} {} to {} bits makes {:.0f} % of the error that was measured at the heads",
                                    is_made ? "output" : "input", value,
                                    8 * dtype_size(search.type_of(value).dtype), 100 * candidate.error / total)});
    }
  }
  if (spared.empty()) return spared;
  // Readers in float leave a target nothing to even out, but what was kept in float for that has outputs that one scale does not suit.
  for (const FloatNode& node : quantized.float_nodes)
    if (is_float_product(quantized.graph, node.name)) spared.push_back(node);
  return spared;
}

}  // namespace ht
