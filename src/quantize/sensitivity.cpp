// SPDX-License-Identifier: Apache-2.0
#include "quantize/sensitivity.h"

#include <algorithm>
#include <set>

#include "ir/dequantize.h"
#include "quantize/roles.h"

namespace ht {
namespace {

// Reads the quantized graph with the float graph's names.
class Reader {
 public:
  Reader(const Graph& graph, const QuantizedGraph& quantized) : graph_(graph), quantized_(quantized.graph), links_(quantized.graph) {
    for (const Value& value : graph.values) known_.insert(value.name);
    for (const FloatNode& node : quantized.float_nodes) float_nodes_.insert(node.name);
    for (size_t i = 0; i < quantized_.nodes.size(); ++i) nodes_.emplace(quantized_.nodes[i].name, i);
  }

  std::optional<IntegerLayer> layer(const Node& node) const {
    const auto found = nodes_.find(node.name);
    if (found == nodes_.end() || std::holds_alternative<Convert>(node.op)) return std::nullopt;
    const Node& counterpart = quantized_.nodes[found->second];
    if (quant_rule(node).kind == QuantKind::kMove && has_integer_readers(counterpart)) return std::nullopt;
    IntegerLayer layer{node.name, {}, {}};
    const std::vector<float> factors = factors_before(counterpart);
    if (!float_nodes_.contains(node.name))
      for (size_t i : data_inputs(quantized_, counterpart)) add_grids(counterpart.inputs[i], factors, layer);
    for (size_t i = 0; i < counterpart.inputs.size(); ++i)
      if (quantized_.is_constant(counterpart.inputs[i])) add_constant(node, counterpart, i, factors, layer);
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

  // The grid of a value, and of those that are moved there.
  void add_grids(ValueId id, const std::vector<float>& factors, IntegerLayer& layer) const {
    const Value& value = quantized_.value(id);
    if (value.constant || !value.type.is_quantized()) return;
    const NodeId producer = links_.producer(id);
    const bool is_copy = !known_.contains(value.name) && producer.valid() && (is_convert(quantized_.node(producer)) || !factors.empty());
    const std::string& name = is_copy ? quantized_.value(quantized_.node(producer).inputs[0]).name : value.name;
    if (!known_.contains(name) || !layer.grids.emplace(name, unscaled(value.type, factors)).second || !producer.valid()) return;
    const Node& maker = quantized_.node(producer);
    if (quant_rule(maker).kind != QuantKind::kMove || is_convert(maker)) return;
    for (size_t i : data_inputs(quantized_, maker)) add_grids(maker.inputs[i], {}, layer);
  }

  // Of the channels of a product's input, where a Mul that the float graph does not have stands before it; else empty.
  std::vector<float> factors_before(const Node& node) const {
    if (!is_weighted(quantized_, node)) return {};
    const NodeId producer = links_.producer(node.inputs[0]);
    if (!producer.valid() || known_.contains(quantized_.value(node.inputs[0]).name)) return {};
    const Node& mul = quantized_.node(producer);
    const auto* binary = std::get_if<Binary>(&mul.op);
    if (!binary || binary->kind != BinaryKind::kMul || !quantized_.is_constant(mul.inputs[1])) return {};
    return quantized_.value(mul.inputs[1]).constant->to_floats();
  }

  // The type of x where this is the type of x times the factors.
  static TensorType unscaled(const TensorType& type, const std::vector<float>& factors) {
    if (factors.empty()) return type;
    std::vector<float> scales = type.affine->scales_along(1, type.shape[1]);
    for (size_t c = 0; c < scales.size(); ++c) scales[c] /= factors[c % factors.size()];
    auto affine = Affine::per_axis(std::move(scales), type.affine->zero_points_along(1, type.shape[1]), 1, type.shape.size());
    return affine ? TensorType{type.dtype, type.shape, *std::move(affine)} : type;
  }

  void add_constant(const Node& node, const Node& counterpart, size_t i, const std::vector<float>& factors, IntegerLayer& layer) const {
    const Value& value = quantized_.value(counterpart.inputs[i]);
    const bool is_new = i >= node.inputs.size() || !node.inputs[i].valid();
    const Tensor reals = dequantize(*value.constant, value.type.affine);
    if (!is_new && graph_.is_constant(node.inputs[i]) && *graph_.value(node.inputs[i]).constant == reals) return;
    layer.constants.push_back({i, i == 1 && !factors.empty() ? scaled(node, reals, factors) : reals});
  }

  // A convolution's weights times the factors of its input's channels.
  static Tensor scaled(const Node& node, const Tensor& weights, const std::vector<float>& factors) {
    std::vector<float> reals = weights.to_floats();
    const auto* conv = std::get_if<Conv>(&node.op);
    const Shape& shape = weights.shape();
    const int64_t taps = weights.size() / (shape[0] * shape[1]), outputs = shape[0] / (conv ? conv->groups : 1);
    for (size_t i = 0; i < reals.size(); ++i) {
      const int64_t pair = static_cast<int64_t>(i) / taps, output = pair / shape[1];
      const auto channel = static_cast<size_t>(output / outputs * shape[1] + pair % shape[1]);
      reals[i] *= factors[channel % factors.size()];
    }
    return Tensor::of_floats(shape, reals);
  }

  const Graph& graph_;
  const Graph& quantized_;
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

}  // namespace ht
