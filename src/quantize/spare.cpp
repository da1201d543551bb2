// SPDX-License-Identifier: Apache-2.0
#include "quantize/spare.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "quantize/roles.h"

namespace ht {
namespace {

// Of the error of all values measured: what a value must make of it for its readers to be spared.
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

// What products in float win: a value that stays unrounded, as they read it or one makes it for its activation; or values that get a scale a
// channel, as nothing is quantized any more between the products and them.
struct Candidate {
  std::map<std::string, TensorType> now, then;  // types of values
  std::vector<NodeId> products;
  std::string reason;
  double cost = 0, error = 0;
};

class Search {
 public:
  Search(const Graph& graph, const QuantizedGraph& quantized) : graph_(graph), links_(graph), quantized_(quantized) {
    for (const FloatNode& node : quantized.float_nodes) float_nodes_.insert(node.name);
    for (const Value& value : quantized.graph.values)
      if (value.type.is_quantized() && !value.constant) types_.emplace(value.name, value.type);
  }

  bool is_float(const Node& node) const { return float_nodes_.contains(node.name); }
  bool is_integer_product(const Node& node) const { return is_weighted(graph_, node) && !is_float(node); }
  bool may_be_float(const Node& node) const { return is_integer_product(node) && !quantized_.pinned.contains(node.name); }

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

  // Those that few products are enough for.
  std::vector<Candidate> candidates(double most_cost) const {
    std::vector<Candidate> found = unrounded_values();
    for (const Uneven& uneven : quantized_.uneven)
      if (auto candidate = evened(uneven)) found.push_back(*std::move(candidate));
    for (Candidate& candidate : found)
      for (NodeId product : candidate.products) candidate.cost += cost_of(graph_, graph_.node(product));
    std::erase_if(found, [&](const Candidate& candidate) { return candidate.products.empty() || candidate.cost > most_cost; });
    return found;
  }

  // The values of a candidate rounded, on behalf of its first product.
  IntegerLayer rounding(const Candidate& candidate, const std::map<std::string, TensorType>& types) const {
    return {graph_.node(candidate.products.front()).name, types, {}};
  }

 private:
  std::vector<Candidate> unrounded_values() const {
    std::vector<Candidate> found;
    for (size_t v = 0; v < graph_.values.size(); ++v) {
      const ValueId id(v);
      const auto type = types_.find(graph_.values[v].name);
      if (type == types_.end() || !links_.producer(id).valid() || links_.is_output(id)) continue;
      Candidate candidate{{*type}, {}, products_of(id), {}};
      const bool is_made = !candidate.products.empty() && candidate.products.front() == links_.producer(id);
      candidate.reason = fmt::format("rounding its {} {} to {} bits", is_made ? "output" : "input", type->first, 8 * dtype_size(type->second.dtype));
      found.push_back(std::move(candidate));
    }
    return found;
  }

  std::optional<Candidate> evened(const Uneven& uneven) const {
    Candidate candidate{{}, uneven.types, {}, fmt::format("one scale for all channels of {}", uneven.types.begin()->first)};
    for (const auto& [name, type] : uneven.types) {
      if (!types_.contains(name)) return std::nullopt;
      candidate.now.insert(*types_.find(name));
    }
    for (const std::string& name : uneven.convolutions) {
      const auto node = std::ranges::find(graph_.nodes, name, &Node::name);
      if (node == graph_.nodes.end() || !may_be_float(*node)) return std::nullopt;
      candidate.products.emplace_back(static_cast<size_t>(node - graph_.nodes.begin()));
      if (const auto made = types_.find(graph_.value(node->outputs[0]).name); made != types_.end()) candidate.now.insert(*made);
    }
    return candidate;
  }

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
  const QuantizedGraph& quantized_;
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
  for (const Candidate& candidate : candidates) {
    roundings.push_back(search.rounding(candidate, candidate.now));
    if (!candidate.then.empty()) roundings.push_back(search.rounding(candidate, candidate.then));
  }
  std::vector<Trial> trials;
  for (const IntegerLayer& rounding : roundings) trials.push_back({{&rounding}});
  HT_ASSIGN(const std::vector<double> errors, measure(trials, heads));
  auto next = errors.begin();
  double total = 0;
  for (Candidate& candidate : candidates) {
    candidate.error = *next++;
    total += candidate.error;
    if (!candidate.then.empty()) candidate.error -= *next++;
  }
  std::ranges::stable_sort(candidates, std::greater(), [](const Candidate& c) { return c.error / c.cost; });
  std::vector<FloatNode> spared;
  std::set<NodeId> taken;
  std::set<std::string> settled;
  for (const Candidate& candidate : candidates) {
    const bool is_settled = std::ranges::all_of(candidate.now, [&](const auto& value) { return settled.contains(value.first); });
    if (is_settled || candidate.cost > cost_left || candidate.error < kLeastErrorShare * total) continue;
    cost_left -= candidate.cost;
    for (const auto& [value, type] : candidate.now) settled.insert(value);
    for (NodeId product : candidate.products) {
      const Node& node = graph.node(product);
      if (!taken.insert(product).second) continue;
      spared.push_back({node.name, std::string(op_name(node.op)),
                        fmt::format("{} makes {:.0f} % of the error that was measured at the heads", candidate.reason, 100 * candidate.error / total)});
    }
  }
  if (spared.empty()) return spared;
  // Readers in float leave a target nothing to even out, but what was kept in float for that has outputs that one scale does not suit.
  for (const FloatNode& node : quantized.float_nodes)
    if (is_float_product(quantized.graph, node.name)) spared.push_back(node);
  return spared;
}

}  // namespace ht
