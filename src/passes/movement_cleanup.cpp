// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "passes/movement_map.h"
#include "passes/passes.h"
#include "passes/rewrite.h"

namespace ht {
namespace {

// Chains longer than any exporter writes are left in pieces.
constexpr int kLongestChain = 8;

// Operators that hand their first input through, beside those that move elements.
bool changes_nothing(const Graph& graph, const Node& node) {
  if (node.inputs.empty() || node.outputs.size() != 1) return false;
  const Value& input = graph.value(node.inputs[0]);
  const Value& output = graph.value(node.outputs[0]);
  if (input.type.shape != output.type.shape || !have_same_numbers(input, output)) return false;
  if (const auto* pad = std::get_if<Pad>(&node.op)) return std::ranges::all_of(pad->pads, [](int64_t p) { return p == 0; });
  if (const auto* resize = std::get_if<Resize>(&node.op))
    return std::ranges::all_of(resize->scales, [](float scale) { return scale == 1; });
  return std::holds_alternative<Expand>(node.op) || std::holds_alternative<Cast>(node.op) ||
         (std::holds_alternative<Concat>(node.op) && node.inputs.size() == 1);
}

struct Shortcut {
  Movement movement;
  ValueId source;
};

// Whether a movement by itself may amount to a better one. Larger tensors' maps are worth making only then.
bool may_shrink(const Graph& graph, const Node& node) {
  const Shape& from = graph.value(node.inputs[0]).type.shape;
  const Shape& to = graph.value(node.outputs[0]).type.shape;
  if (std::holds_alternative<Reshape>(node.op)) return from == to;
  if (std::holds_alternative<Slice>(node.op)) return element_count(from) == element_count(to);
  if (const auto* transpose = std::get_if<Transpose>(&node.op)) {
    Ints moved;
    for (int64_t axis : transpose->permutation)
      if (from[static_cast<size_t>(axis)] != 1) moved.push_back(axis);
    return std::ranges::is_sorted(moved);
  }
  return true;
}

// The longest chain of movements that ends in this node and amounts to a single one that is better than what is there.
std::optional<Shortcut> find_shortcut(const Rewriter& rewriter, const Node& end) {
  const Graph& graph = rewriter.graph();
  if (!is_movement(graph, end)) return std::nullopt;
  ValueId source = end.inputs[0];
  const NodeId producer = rewriter.links().producer(source);
  if (!may_shrink(graph, end) && !(producer.valid() && is_movement(graph, graph.node(producer)))) return std::nullopt;
  auto map = movement_of(graph, end);
  std::optional<Shortcut> found;
  for (int length = 1; map && length <= kLongestChain; ++length) {
    if (!have_same_numbers(graph.value(source), graph.value(end.outputs[0]))) break;
    auto movement = single_movement(*map);
    if (movement && (length > 1 || movement->kind < movement_kind(end.op))) found = Shortcut{std::move(*movement), source};
    const NodeId before = rewriter.links().producer(source);
    if (!before.valid()) break;
    const auto earlier = movement_of(graph, graph.node(before));
    if (!earlier) break;
    map = compose(*earlier, *map);
    source = graph.node(before).inputs[0];
  }
  return found;
}

bool clean(Rewriter& rewriter, NodeId id) {
  const Node& node = rewriter.node(id);
  if (changes_nothing(rewriter.graph(), node)) return rewriter.bypass(id, node.inputs[0]);
  auto shortcut = find_shortcut(rewriter, node);
  if (!shortcut) return false;
  const auto& [movement, source] = *shortcut;
  if (movement.kind == MovementKind::kNothing) {
    if (rewriter.bypass(id, source)) return true;
    if (std::holds_alternative<Reshape>(node.op) && node.inputs[0] == source) return false;
  }
  std::vector<ValueId> inputs = {source};
  if (movement.kind == MovementKind::kGather)
    inputs.push_back(rewriter.add_constant(node.name + ".indices", Tensor::of_int64s(movement.indices)));
  return rewriter.replace(id, {node.name, movement.op, std::move(inputs), {}});
}

}  // namespace

Result<bool> movement_cleanup(Graph& graph) { return rewrite_nodes(graph, clean); }

}  // namespace ht
