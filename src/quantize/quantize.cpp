// SPDX-License-Identifier: Apache-2.0
#include "quantize/quantize.h"

#include <algorithm>

#include "ops/ops.h"
#include "quantize/channels.h"
#include "quantize/constants.h"
#include "quantize/cross_layer.h"
#include "quantize/equalize.h"
#include "quantize/narrow.h"
#include "quantize/ranges.h"

namespace ht {
namespace {

// Sorts nodes and their roles together.
Status sort_with_roles(Graph& graph, std::vector<Role>& roles) {
  std::map<ValueId, Role> by_output;
  for (size_t i = 0; i < roles.size(); ++i) by_output[graph.nodes[i].outputs[0]] = roles[i];
  HT_TRY(sort_nodes(graph));
  for (size_t i = 0; i < roles.size(); ++i) roles[i] = by_output[graph.nodes[i].outputs[0]];
  return {};
}

// Engines that compute integer chains operator by operator know Sigmoid and Mul, not SiLU.
void spell_out_silu(Graph& graph, std::vector<Role>& roles) {
  FreshNames names(graph);
  std::vector<Node> nodes;
  std::vector<Role> new_roles;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    Node node = graph.nodes[i];
    const auto* unary = std::get_if<Unary>(&node.op);
    if (unary && unary->kind == UnaryKind::kSilu && roles[i].is_integer()) {
      const TensorType type = graph.value(node.outputs[0]).type;
      const ValueId gate = graph.add_value({names.make(graph.value(node.outputs[0]).name + "_gate"), type, std::nullopt});
      nodes.push_back({names.make(node.name + "_gate"), Unary{UnaryKind::kSigmoid, 0, 0}, {node.inputs[0]}, {gate}});
      new_roles.push_back(roles[i]);
      node.op = Binary{BinaryKind::kMul};
      node.inputs.push_back(gate);
    }
    nodes.push_back(std::move(node));
    new_roles.push_back(roles[i]);
  }
  graph.nodes = std::move(nodes);
  roles = std::move(new_roles);
}

// Writes the float graph as the target's engine wants it: it computes the same.
Result<Equalizations> prepare_for_target(Graph& graph, std::vector<Role>& roles, const Statistics& statistics, const QuantizeRequest& request,
                                         std::vector<std::string>& notes) {
  const ChannelScales scales = request.target.channel_scales;
  const bool moves_factors = request.cross_layer != CrossLayer::kNone;
  const bool multiplies = !moves_factors && (scales == ChannelScales::kMultiply || scales == ChannelScales::kDepthwise);
  ChannelTypes wanted;
  if (multiplies) {
    HT_ASSIGN(wanted, absorbed_types(graph, roles, statistics, request));
  }
  if (request.target.quantize_before_activation) spell_out_silu(graph, roles);
  if (moves_factors)
    return equalize_layers(graph, roles, statistics, request, request.cross_layer == CrossLayer::kFactorsAndBiases, notes);
  if (!multiplies) return Equalizations();
  HT_ASSIGN(Equalizations equalized, equalize_channels(graph, roles, wanted, request, notes));
  HT_TRY(sort_with_roles(graph, roles));
  return equalized;
}

// Inputs and outputs of the graph stay float; integer nodes read a converted copy.
void convert_at_borders(Graph& graph, std::vector<Role>& roles, std::vector<bool>& quantized) {
  FreshNames names(graph);
  std::vector<ValueId> borders = graph.inputs;
  borders.insert(borders.end(), graph.outputs.begin(), graph.outputs.end());
  for (ValueId value : borders) {
    if (!quantized[value.index]) continue;
    const TensorType type = graph.value(value).type;
    const ValueId copy = graph.add_value({names.make(graph.value(value).name + "_quantized"), type, std::nullopt});
    for (size_t i = 0; i < roles.size(); ++i) {
      if (!roles[i].is_integer()) continue;
      for (size_t input : data_inputs(graph, graph.nodes[i]))
        if (graph.nodes[i].inputs[input] == value) graph.nodes[i].inputs[input] = copy;
    }
    graph.nodes.push_back({names.make(graph.value(value).name + "_quantize"), Convert{}, {value}, {copy}});
    roles.push_back({});
    quantized[value.index] = false;
    quantized.resize(graph.values.size(), false);
    quantized[copy.index] = true;
  }
}

// With the head quantized an integer node may make an output of the graph: it makes a copy that is converted to float. A product gives floats
// as easily, which is kept where the target does not ask for integers.
void convert_quantized_outputs(Graph& graph, std::vector<Role>& roles, std::vector<bool>& quantized, bool products) {
  FreshNames names(graph);
  const Links links(graph);
  for (ValueId output : graph.outputs) {
    const NodeId producer = links.producer(output);
    if (!producer.valid() || !roles[producer.index].is_integer()) continue;
    if (!products && quant_rule(graph.node(producer)).kind == QuantKind::kWeighted) continue;
    const ValueId copy = graph.add_value({names.make(graph.value(output).name + "_integers"), graph.value(output).type, std::nullopt});
    for (Node& node : graph.nodes) {
      std::ranges::replace(node.inputs, output, copy);
      std::ranges::replace(node.outputs, output, copy);
    }
    graph.nodes.push_back({names.make(graph.value(output).name + "_dequantize"), Convert{}, {copy}, {output}});
    roles.push_back({});
    quantized.resize(graph.values.size(), false);
    quantized[copy.index] = true;
    quantized[output.index] = false;
  }
}

// What meets other values in a Concat shares their scales, and they shall not have to do with one because of it.
void convert_before_concat(Graph& graph, std::vector<Role>& roles, std::vector<bool>& quantized) {
  FreshNames names(graph);
  const Links links(graph);
  for (size_t i = 0, count = graph.nodes.size(); i < count; ++i) {
    const ValueId output = graph.nodes[i].outputs[0];
    if (!quantized[output.index] || !makes_one_scale(graph, links, roles, quantized, output)) continue;
    const bool meets_others = std::ranges::any_of(links.consumers(output), [&](NodeId reader) {
      return roles[reader.index].is_integer() && std::holds_alternative<Concat>(graph.node(reader).op);
    });
    if (!meets_others || !readers_choice(graph, links, roles, {output}).per_channel) continue;
    const std::string name = graph.value(output).name;
    const ValueId made = graph.add_value({names.make(name + "_made"), graph.value(output).type, std::nullopt});
    graph.nodes[i].outputs[0] = made;
    graph.nodes.push_back({names.make(name + "_convert"), Convert{}, {made}, {output}});
    roles.push_back({});
    quantized.resize(graph.values.size(), false);
    quantized[made.index] = true;
  }
}

Status check_outputs(const Graph& graph, const Statistics& statistics) {
  for (ValueId output : graph.outputs) {
    const Value& value = graph.value(output);
    if (value.type.dtype != DType::kFloat32 || value.constant || element_count(value.type.shape) < 2) continue;
    HT_ASSIGN(const ValueStatistics* found, statistics.find(value.name));
    if (found->non_finite() > 0)
      return input_error("{} of the elements seen are not finite, so no range holds them; check the model and the preprocessing", found->non_finite())
          .in("output " + value.name);
    if (found->extremes().min == found->extremes().max)
      return input_error("the output was {} for every element of every calibration image; check the model and the preprocessing",
                         found->extremes().min)
          .in("output " + value.name);
  }
  return {};
}

// Statistics under the names of all copies too, also where one was made of another.
Statistics with_copies(const Statistics& statistics, const Graph& graph) {
  Statistics all = statistics;
  const auto name = [&](const std::string& of, const std::string& like) {
    const auto known = all.values.find(like);
    return known != all.values.end() && all.values.emplace(of, known->second).second;
  };
  for (bool is_new = true; is_new;) {
    is_new = false;
    for (const Node& node : graph.nodes) {
      if (!std::holds_alternative<Convert>(node.op)) continue;
      const std::string &from = graph.value(node.inputs[0]).name, &to = graph.value(node.outputs[0]).name;
      is_new = name(to, from) || name(from, to) || is_new;
    }
  }
  return all;
}

// Converts carry their output's type; and no quantized value may have been left without one.
Status finish_types(Graph& graph, const std::vector<bool>& quantized) {
  for (Node& node : graph.nodes) {
    auto* convert = std::get_if<Convert>(&node.op);
    if (!convert) continue;
    const TensorType& type = graph.value(node.outputs[0]).type;
    *convert = {type.dtype, type.affine};
  }
  for (size_t v = 0; v < quantized.size(); ++v)
    if (quantized[v] && !graph.values[v].type.is_quantized()) return input_error("was not given parameters").in("value " + graph.values[v].name);
  return {};
}

}  // namespace

std::vector<ObservedValue> values_to_observe(const Graph& graph) {
  const Links links(graph);
  std::vector<ObservedValue> observed;
  for (size_t v = 0; v < graph.values.size(); ++v) {
    const Value& value = graph.values[v];
    if (value.constant || value.type.dtype != DType::kFloat32) continue;
    const auto& readers = links.consumers(ValueId(v));
    const bool depthwise = std::ranges::any_of(readers, [&](NodeId reader) { return is_depthwise(graph, graph.node(reader)); });
    const int64_t channels = value.type.shape.size() >= 3 ? value.type.shape[1] : 0;
    observed.push_back({value.name, channels, depthwise && channels > 0});
  }
  return observed;
}

bool needs_statistics(const QuantizeRequest& request) {
  return request.layers.activations ||
         std::ranges::any_of(request.rules, [](const LayerRule& rule) { return rule.activations && rule.activations->has_value(); });
}

Result<QuantizedGraph> quantize_graph(Graph graph, const Statistics& statistics, const QuantizeRequest& request) {
  if (needs_statistics(request)) HT_TRY(check_outputs(graph, statistics));
  graph.metadata.erase(kFloat16StorageKey);
  QuantizedGraph result;
  HT_ASSIGN(std::vector<Role> roles, find_roles(graph, request, result.notes));
  HT_ASSIGN(result.equalized, prepare_for_target(graph, roles, statistics, request, result.notes));
  std::vector<bool> quantized = find_quantized_values(graph, roles, request.target);
  convert_quantized_outputs(graph, roles, quantized, request.quantize_head && request.target.integer_outputs);
  convert_at_borders(graph, roles, quantized);
  if (request.target.channel_scales == ChannelScales::kAbsorbed) convert_before_concat(graph, roles, quantized);
  HT_TRY(sort_with_roles(graph, roles));
  Statistics all = with_copies(statistics, graph);
  std::vector<std::string> notes;
  HT_TRY(assign_parameters(graph, roles, quantized, all, request, result.equalized, notes));
  if (convert_narrow_values(graph, roles, quantized, all, result.equalized)) {
    HT_TRY(sort_with_roles(graph, roles));
    all = with_copies(statistics, graph);
    notes.clear();
    HT_TRY(assign_parameters(graph, roles, quantized, all, request, result.equalized, notes));
  }
  result.notes.insert(result.notes.end(), notes.begin(), notes.end());
  HT_TRY(finish_types(graph, quantized));
  graph.metadata["halftone.requantization"] = request.target.requantization;
  HT_TRY(quantize_constants(graph, roles, all, request, result.equalized));
  compact_values(graph);
  HT_TRY(verify(graph));
  for (size_t i = 0; i < roles.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (std::holds_alternative<Convert>(node.op)) continue;
    if (roles[i].choice.stays_integer) result.pinned.insert(node.name);
    if (roles[i].choice.open_bits) result.open_bits.insert(node.name);
    if (roles[i].is_integer()) {
      ++result.quantized_nodes;
    } else {
      result.float_nodes.push_back({node.name, std::string(op_name(node.op)), roles[i].float_reason});
    }
  }
  result.graph = std::move(graph);
  return result;
}

}  // namespace ht
