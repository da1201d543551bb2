// SPDX-License-Identifier: Apache-2.0
#include "quantize/sensitivity.h"

#include <algorithm>
#include <set>

#include "ir/dequantize.h"
#include "quantize/roles.h"
#include "quantize/scaling.h"

namespace ht {
namespace {

// Reads the quantized graph with the float graph's names.
class Reader {
 public:
  Reader(const Graph& graph, const QuantizedGraph& quantized) : graph_(graph), quantized_(quantized.graph), equalized_(quantized.equalized), links_(quantized.graph) {
    for (const Value& value : graph.values) known_.insert(value.name);
    for (const FloatNode& node : quantized.float_nodes) float_nodes_.insert(node.name);
    for (size_t i = 0; i < quantized_.nodes.size(); ++i) nodes_.emplace(quantized_.nodes[i].name, i);
  }

  std::optional<IntegerLayer> layer(const Node& node) const {
    const auto found = nodes_.find(node.name);
    if (found == nodes_.end() || std::holds_alternative<Convert>(node.op)) return std::nullopt;
    const Node& counterpart = quantized_.nodes[found->second];
    if (quant_rule(node).kind == QuantKind::kMove && has_integer_readers(counterpart)) return std::nullopt;
    const bool is_float = float_nodes_.contains(node.name);
    const auto is_quantized = [&](ValueId input) { return input.valid() && quantized_.is_constant(input) && quantized_.value(input).type.is_quantized(); };
    if (is_float && std::ranges::none_of(counterpart.inputs, is_quantized)) return std::nullopt;
    IntegerLayer layer{node.name, {}, {}};
    if (!is_float)
      for (size_t i : data_inputs(quantized_, counterpart)) add_grids(counterpart.inputs[i], layer);
    for (size_t i = 0; i < counterpart.inputs.size(); ++i)
      if (quantized_.is_constant(counterpart.inputs[i])) add_constant(node, counterpart, i, layer);
    if (layer.grids.empty() && layer.constants.empty()) return std::nullopt;
    return layer;
  }

 private:
  static bool is_convert(const Node& node) { return std::holds_alternative<Convert>(node.op); }

  bool has_integer_readers(const Node& node) const {
    return quantized_.value(node.outputs[0]).type.is_quantized() &&
           std::ranges::any_of(links_.consumers(node.outputs[0]), [&](NodeId id) {
             const Node& reader = quantized_.node(id);
             return !is_convert(reader) && !float_nodes_.contains(reader.name);
           });
  }

  const Equalized* equalized(ValueId value) const { return find_equalized(equalized_, quantized_.value(value).name); }

  // The grid of a value, and of those that are moved there.
  void add_grids(ValueId id, IntegerLayer& layer) const {
    const Value& value = quantized_.value(id);
    if (value.constant || !value.type.is_quantized()) return;
    const NodeId producer = links_.producer(id);
    const Equalized* divided = equalized(id);
    const bool is_copy = !divided && !known_.contains(value.name) && producer.valid() && is_convert(quantized_.node(producer));
    const std::string& name = divided ? divided->source : is_copy ? quantized_.value(quantized_.node(producer).inputs[0]).name : value.name;
    TensorType type = value.type;
    if (divided)
      if (auto source = divided->source_type()) type = *std::move(source);
    if (!known_.contains(name) || !layer.grids.emplace(name, type).second || !producer.valid()) return;
    const Node& maker = quantized_.node(producer);
    if (quant_rule(maker).kind != QuantKind::kMove || is_convert(maker)) return;
    for (size_t i : data_inputs(quantized_, maker)) add_grids(maker.inputs[i], layer);
  }

  void add_constant(const Node& node, const Node& counterpart, size_t i, IntegerLayer& layer) const {
    const Value& value = quantized_.value(counterpart.inputs[i]);
    const bool is_new = i >= node.inputs.size() || !node.inputs[i].valid();
    const Tensor reals = dequantize(*value.constant, value.type.affine);
    if (!is_new && graph_.is_constant(node.inputs[i]) && *graph_.value(node.inputs[i]).constant == reals) return;
    layer.constants.push_back({i, is_weighted(quantized_, counterpart) ? undivided(counterpart, i, reals) : reals});
  }

  // Weights or bias of a product as they are where its input and output are not divided by factors.
  Tensor undivided(const Node& product, size_t i, Tensor reals) const {
    const auto* conv = std::get_if<Conv>(&product.op);
    if (const Equalized* before = equalized(product.inputs[0]); before && conv && i == 1)
      reals = scale_channels(reals, inverses_of(before->factors), false, conv->groups);
    const Equalized* behind = divided_output(quantized_, links_, product, equalized_);
    return behind ? scale_channels(reals, behind->factors, true, 1) : reals;
  }

  const Graph& graph_;
  const Graph& quantized_;
  const Equalizations& equalized_;
  Links links_;
  std::set<std::string_view> known_, float_nodes_;
  std::map<std::string_view, size_t> nodes_;
};

// Changes a graph for a trial, once anything must be changed.
class Maker {
 public:
  explicit Maker(const Graph& graph) : graph_(graph), links_(graph) {
    for (size_t i = 0; i < graph.nodes.size(); ++i) nodes_.emplace(graph.nodes[i].name, i);
  }

  Result<TrialGraph> make(const Trial& trial) {
    for (const Part& part : trial) HT_TRY(check(*part.layer));
    for (const Part& part : trial)
      if (part.weights)
        for (const IntegerLayer::Constant& constant : part.layer->constants) replace(part.layer->node, constant);
    std::map<std::string, TensorType> grids;
    for (const Part& part : trial)
      if (part.inputs)
        for (const auto& [value, type] : part.layer->grids) {
          TensorType& chosen = grids.try_emplace(value, type).first->second;
          if (dtype_size(type.dtype) > dtype_size(chosen.dtype)) chosen = type;
        }
    for (size_t v = 0; v < graph_.values.size(); ++v)
      if (const auto grid = grids.find(graph_.values[v].name); grid != grids.end()) round(ValueId(v), grid->second, trial);
    if (made_.changed) HT_TRY(sort_nodes(*made_.changed));
    return std::move(made_);
  }

 private:
  Status check(const IntegerLayer& layer) const {
    if (nodes_.contains(layer.node)) return {};
    return usage_error("the network has no layer called \"{}\"", layer.node);
  }

  Graph& changed() {
    if (!made_.changed) made_.changed = graph_;
    return *made_.changed;
  }

  std::string fresh(const std::string& wish) {
    if (!names_) names_.emplace(graph_);
    return names_->make(wish);
  }

  void replace(const std::string& name, const IntegerLayer::Constant& constant) {
    Graph& graph = changed();
    const ValueId id = graph.add_constant(fresh(name + "_constant"), constant.reals);
    auto& inputs = graph.nodes[nodes_.at(name)].inputs;
    if (inputs.size() <= constant.index) inputs.resize(constant.index + 1);
    inputs[constant.index] = id;
  }

  void round(ValueId value, const TensorType& type, const Trial& trial) {
    std::string name = graph_.value(value).name;
    if (links_.is_output(value)) {
      name = fresh(name + "_copy");
      Graph& graph = changed();
      const ValueId copy = graph.add_value({name, graph_.value(value).type, std::nullopt});
      for (const Part& part : trial)
        if (part.inputs) std::ranges::replace(graph.nodes[nodes_.at(part.layer->node)].inputs, value, copy);
      graph.nodes.push_back({name, Concat{0}, {value}, {copy}});
    }
    made_.grids.emplace(std::move(name), type);
  }

  const Graph& graph_;
  Links links_;
  std::map<std::string, size_t> nodes_;
  std::optional<FreshNames> names_;
  TrialGraph made_;
};

}  // namespace

std::vector<IntegerLayer> integer_layers(const Graph& graph, const QuantizedGraph& quantized) {
  const Reader reader(graph, quantized);
  std::vector<IntegerLayer> layers;
  for (const Node& node : graph.nodes)
    if (auto layer = reader.layer(node)) layers.push_back(*std::move(layer));
  return layers;
}

Trial whole_trial(const std::vector<IntegerLayer>& layers) {
  Trial trial;
  for (const IntegerLayer& layer : layers) trial.push_back({&layer});
  return trial;
}

Result<TrialGraph> make_trial(const Graph& graph, const Trial& trial) { return Maker(graph).make(trial); }

std::vector<std::string> head_values(const Graph& graph) {
  const Links links(graph);
  std::set<ValueId> heads, seen;
  std::vector<ValueId> open(graph.outputs.begin(), graph.outputs.end());
  while (!open.empty()) {
    const ValueId value = open.back();
    open.pop_back();
    if (!value.valid() || !seen.insert(value).second) continue;
    const NodeId producer = links.producer(value);
    if (!producer.valid()) continue;
    const Node& node = graph.node(producer);
    if (is_weighted(graph, node))
      heads.insert(value);
    else
      open.insert(open.end(), node.inputs.begin(), node.inputs.end());
  }
  std::vector<std::string> names;
  for (ValueId head : heads) names.push_back(graph.value(head).name);
  return names;
}

std::vector<std::string> judged_values(const Graph& graph) {
  std::vector<std::string> names = head_values(graph);
  const std::set<std::string> heads(names.begin(), names.end());
  std::set<ValueId> behind;  // heads
  for (const Node& node : graph.nodes) {  // sorted
    const bool follows = std::ranges::any_of(node.inputs, [&](ValueId input) {
      return input.valid() && (behind.contains(input) || heads.contains(graph.value(input).name));
    });
    if (!follows) continue;
    behind.insert(node.outputs.begin(), node.outputs.end());
    const auto* unary = std::get_if<Unary>(&node.op);
    if ((unary && unary->kind == UnaryKind::kSigmoid) || std::holds_alternative<Softmax>(node.op)) names.push_back(graph.value(node.outputs[0]).name);
  }
  return names;
}

}  // namespace ht
