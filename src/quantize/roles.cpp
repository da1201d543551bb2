// SPDX-License-Identifier: Apache-2.0
#include "quantize/roles.h"

#include <algorithm>

namespace ht {

bool is_weighted(const Graph& graph, const Node& node) {
  if (quant_rule(node).kind != QuantKind::kWeighted || node.inputs.size() < 2 || !graph.is_constant(node.inputs[1])) return false;
  return std::holds_alternative<Conv>(node.op) || graph.value(node.inputs[1]).type.shape.size() == 2;
}

bool is_depthwise(const Graph& graph, const Node& node) {
  const auto* conv = std::get_if<Conv>(&node.op);
  return conv && conv->groups > 1 && graph.is_constant(node.inputs[1]) && graph.value(node.inputs[1]).type.shape[1] == 1;
}

std::vector<size_t> data_inputs(const Graph& graph, const Node& node) {
  if (is_weighted(graph, node) || std::holds_alternative<Gather>(node.op)) return {0};
  std::vector<size_t> inputs;
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (node.inputs[i].valid()) inputs.push_back(i);
  return inputs;
}

namespace {

// Everything between the outputs and the last weighted layers: decode arithmetic, concatenations of mixed ranges, DFL.
std::vector<bool> behind_last_weights(const Graph& graph, const Links& links) {
  std::vector<bool> found(graph.nodes.size(), false);
  std::vector<ValueId> open(graph.outputs.begin(), graph.outputs.end());
  while (!open.empty()) {
    const NodeId producer = links.producer(open.back());
    open.pop_back();
    if (!producer.valid() || found[producer.index] || is_weighted(graph, graph.node(producer))) continue;
    found[producer.index] = true;
    for (ValueId input : graph.node(producer).inputs)
      if (input.valid()) open.push_back(input);
  }
  return found;
}

std::string reason_of_operator(const Graph& graph, const Node& node) {
  const QuantRule rule = quant_rule(node);
  if (rule.kind == QuantKind::kFloat) return fmt::format("{} has no integer form", op_name(node.op));
  if (rule.kind == QuantKind::kWeighted && !is_weighted(graph, node)) return "its second operand is not constant";
  const DType dtype = graph.value(node.outputs[0]).type.dtype;
  if (dtype != DType::kFloat32) return fmt::format("it computes {}, not real numbers", dtype_name(dtype));
  return {};
}

}  // namespace

Result<std::vector<Role>> find_roles(const Graph& graph, const QuantizeRequest& request, std::vector<std::string>& notes) {
  const Links links(graph);
  HT_ASSIGN(const std::vector<LayerChoice> choices, choose_layers(graph, request.layers, request.rules, request.wide, notes));
  std::vector<Role> roles(graph.nodes.size());
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    roles[i].float_reason = reason_of_operator(graph, graph.nodes[i]);
    roles[i].choice = choices[i];
    if (roles[i].is_integer()) roles[i].float_reason = choices[i].float_reason;
    if (!roles[i].is_integer() || choices[i].activations) continue;
    roles[i].weights_only = is_weighted(graph, graph.nodes[i]);
    roles[i].float_reason = roles[i].weights_only ? "only its weights are quantized" : "activations are float";
  }
  const auto leave_in_float = [&](size_t i, std::string reason) {
    roles[i].float_reason = std::move(reason);
    roles[i].weights_only = false;
  };
  if (!request.quantize_head) {
    const std::vector<bool> head = behind_last_weights(graph, links);
    for (size_t i = 0; i < graph.nodes.size(); ++i)
      if (head[i] && roles[i].is_integer())
        roles[i].float_reason = "it stands behind the last convolution or matrix product, where the outputs are decoded";
  }
  for (const std::string& pattern : request.keep_float) {
    HT_ASSIGN(const std::vector<size_t> matches, nodes_called(graph, pattern, "keep_float"));
    for (size_t i : matches) leave_in_float(i, fmt::format("keep_float names it (\"{}\")", pattern));
  }
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const auto found = std::ranges::find(request.spared, graph.nodes[i].name, &FloatNode::name);
    if (found != request.spared.end()) leave_in_float(i, found->reason);
  }
  // Behind a product in float nothing is won by quantizing before the activation.
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const NodeId producer = links.producer(graph.nodes[i].inputs.empty() ? ValueId() : graph.nodes[i].inputs[0]);
    if (!roles[i].is_integer() || !std::holds_alternative<Unary>(graph.nodes[i].op) || !producer.valid()) continue;
    if (is_weighted(graph, graph.node(producer)) && !roles[producer.index].is_integer())
      roles[i].float_reason = fmt::format("{}, which makes its input, computes in float", graph.node(producer).name);
  }
  // What only moves elements moves floats where all its readers want floats. Readers stand behind what they read.
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    const auto& readers = links.consumers(node.outputs[0]);
    if (!roles[i].is_integer() || quant_rule(node).kind != QuantKind::kMove || readers.empty()) continue;
    if (std::ranges::none_of(readers, [&](NodeId reader) { return roles[reader.index].is_integer(); }))
      roles[i].float_reason = "it only moves elements, and all its readers compute in float";
  }
  return roles;
}

LayerChoice readers_choice(const Graph& graph, const Links& links, const std::vector<Role>& roles, const std::vector<ValueId>& values) {
  std::vector<const LayerChoice*> computing, moving, making;
  for (ValueId value : values) {
    for (NodeId id : links.consumers(value)) {
      if (!roles[id.index].is_integer() || std::holds_alternative<Convert>(graph.node(id).op)) continue;
      (quant_rule(graph.node(id)).kind == QuantKind::kMove ? moving : computing).push_back(&roles[id.index].choice);
    }
    if (const NodeId producer = links.producer(value); producer.valid()) making.push_back(&roles[producer.index].choice);
  }
  // What nothing computes with takes the choice of who moves it, or makes it.
  return joint_choice(!computing.empty() ? computing : !moving.empty() ? moving : making);
}

}  // namespace ht
