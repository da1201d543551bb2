// SPDX-License-Identifier: Apache-2.0
#include "quantize/channels.h"

#include <algorithm>
#include <numeric>

#include "ops/steps.h"

namespace ht {

ChannelClasses::ChannelClasses(const Graph& graph, const std::vector<Role>& roles, const std::vector<bool>& quantized)
    : graph_(graph), roles_(roles), quantized_(quantized), links_(graph) {
  size_t total = 0;
  for (const Value& value : graph.values) {
    first_.push_back(total);
    if (!value.constant && value.type.shape.size() >= 3) total += static_cast<size_t>(value.type.shape[1]);
  }
  parents_.resize(total);
  std::iota(parents_.begin(), parents_.end(), size_t{0});
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (roles[i].is_integer() && quant_rule(node).kind == QuantKind::kMove && quantized[node.outputs[0].index]) follow(node);
  }
}

size_t ChannelClasses::find(ValueId value, int64_t channel) const {
  size_t root = first_[value.index] + static_cast<size_t>(channel);
  while (parents_[root] != root) root = parents_[root] = parents_[parents_[root]];
  return root;
}

void ChannelClasses::join(ValueId a, int64_t channel_a, ValueId b, int64_t channel_b) { parents_[find(b, channel_b)] = find(a, channel_a); }

// Joins the channels of the node's output with those of its inputs; false where channels are not moved as wholes.
bool ChannelClasses::follow(const Node& node) {
  const ValueId output = node.outputs[0];
  const Shape& shape = graph_.value(output).type.shape;
  const Shape& input_shape = graph_.value(node.inputs[0]).type.shape;
  if (shape.size() < 3 || input_shape.size() < 3) return false;
  auto join_all = [&](ValueId input, int64_t count, const std::function<int64_t(int64_t)>& from) {
    for (int64_t c = 0; c < count; ++c) join(output, c, input, from(c));
  };
  if (const auto* concat = std::get_if<Concat>(&node.op)) {
    int64_t start = 0;
    for (ValueId input : node.inputs) {
      if (graph_.is_constant(input)) return false;
      const int64_t count = graph_.value(input).type.shape[1];
      for (int64_t c = 0; c < count; ++c) join(output, concat->axis == 1 ? start + c : c, input, c);
      if (concat->axis == 1) start += count;
    }
    return true;
  }
  if (const auto* slice = std::get_if<Slice>(&node.op)) {
    join_all(node.inputs[0], shape[1], [&](int64_t c) { return slice->starts[1] + c * slice->steps[1]; });
    return true;
  }
  if (const auto* gather = std::get_if<Gather>(&node.op)) {
    if (gather->axis != 1 || graph_.value(node.inputs[1]).type.shape.size() != 1 || !graph_.is_constant(node.inputs[1])) return false;
    const std::vector<int64_t> indices = graph_.value(node.inputs[1]).constant->to_int64s();
    join_all(node.inputs[0], shape[1], [&](int64_t c) {
      const int64_t index = indices[static_cast<size_t>(c)];
      return index < 0 ? index + input_shape[1] : index;
    });
    return true;
  }
  if (!quant_rule(node).keeps_channels || shape[1] != input_shape[1]) return false;
  join_all(node.inputs[0], shape[1], [](int64_t c) { return c; });
  return true;
}

bool ChannelClasses::reader_allows(const Node& node) const {
  const Shape& shape = graph_.value(node.outputs[0]).type.shape;
  // Weights of several groups would need scales that are no product of one an output and one an input.
  if (const auto* conv = std::get_if<Conv>(&node.op)) return conv->groups == 1 || is_depthwise(graph_, node);
  if (std::holds_alternative<Pool>(node.op) || std::holds_alternative<Unary>(node.op)) return true;
  if (const auto* binary = std::get_if<Binary>(&node.op))
    return std::ranges::all_of(node.inputs, [&](ValueId input) {
      return !graph_.is_constant(input) && graph_.value(input).type.shape.size() == shape.size() && graph_.value(input).type.shape[1] == shape[1] &&
             binary->kind != BinaryKind::kDiv;
    });
  if (const auto* concat = std::get_if<Concat>(&node.op))
    return concat->axis >= 1 && std::ranges::none_of(node.inputs, [&](ValueId input) { return graph_.is_constant(input); });
  if (std::holds_alternative<Slice>(node.op)) return true;
  if (const auto* gather = std::get_if<Gather>(&node.op)) return gather->axis == 1 && graph_.value(node.inputs[1]).type.shape.size() == 1;
  const QuantRule rule = quant_rule(node);
  return rule.kind == QuantKind::kMove && rule.keeps_channels;
}

bool makes_one_scale(const Graph& graph, const Links& links, const std::vector<Role>& roles, const std::vector<bool>& quantized, ValueId value) {
  const NodeId producer = links.producer(value);
  if (!producer.valid() || !roles[producer.index].is_integer()) return false;
  const Node& node = graph.node(producer);
  const auto* pool = std::get_if<Pool>(&node.op);
  return (std::holds_alternative<Unary>(node.op) || (pool && pool->kind == PoolKind::kAverage)) && quantized[node.inputs[0].index];
}

bool ChannelClasses::keeps_channels(const std::vector<ValueId>& members) const {
  return std::ranges::all_of(members, [&](ValueId member) {
    if (graph_.value(member).type.shape.size() < 3) return false;
    const NodeId producer = links_.producer(member);
    const bool is_moved_wrongly = producer.valid() && roles_[producer.index].is_integer() &&
                                  quant_rule(graph_.node(producer)).kind == QuantKind::kMove && !reader_allows(graph_.node(producer));
    return !is_moved_wrongly && std::ranges::all_of(links_.consumers(member), [&](NodeId reader) {
      return !roles_[reader.index].is_integer() || reader_allows(graph_.node(reader));
    });
  });
}

bool ChannelClasses::can_have_channel_scales(const std::vector<ValueId>& members) const {
  return keeps_channels(members) &&
         std::ranges::none_of(members, [&](ValueId member) { return makes_one_scale(graph_, links_, roles_, quantized_, member); });
}

Result<std::vector<std::vector<Range>>> ChannelClasses::class_ranges(const std::vector<ValueId>& members, const RangesOf& ranges_of) const {
  std::vector<Range> classes(parents_.size());
  std::vector<std::vector<size_t>> class_of;
  for (ValueId member : members) {
    HT_ASSIGN(const std::vector<Range> ranges, ranges_of(member));
    std::vector<size_t>& own = class_of.emplace_back();
    for (size_t c = 0; c < ranges.size(); ++c) {
      own.push_back(find(member, static_cast<int64_t>(c)));
      Range& all = classes[own.back()];
      all = {std::min(all.min, ranges[c].min), std::max(all.max, ranges[c].max)};
    }
  }
  std::vector<std::vector<Range>> result;
  for (const auto& own : class_of) {
    std::vector<Range>& ranges = result.emplace_back();
    for (size_t id : own) ranges.push_back(classes[id]);
  }
  return result;
}

}  // namespace ht
