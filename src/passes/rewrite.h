// SPDX-License-Identifier: Apache-2.0
// What the passes share: looking around a node, and replacing it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "ir/graph.h"

namespace ht {

// A graph in the middle of a pass. Rewrites replace a node in place and leave what became useless to the sweep at the end.
class Rewriter {
 public:
  explicit Rewriter(Graph& graph) : graph_(graph), links_(graph) {}

  const Graph& graph() const { return graph_; }
  const Links& links() const { return links_; }
  const Value& value(ValueId id) const { return graph_.value(id); }
  const Node& node(NodeId id) const { return graph_.node(id); }
  // The node that makes the value if it is of that family, otherwise null.
  template <class T>
  const Node* producer(ValueId id) const;

  ValueId add_constant(const std::string& wish, Tensor tensor) {
    return graph_.add_constant(names().make(wish), std::move(tensor));
  }
  ValueId add_value(const std::string& wish, TensorType type) {
    return graph_.add_value({names().make(wish), std::move(type), {}});
  }

  // Puts another node into its place, whose inputs are made before it; outputs and their types stay. False, and nothing
  // done, where the operator would not make these types.
  bool replace(NodeId id, Node node);
  // Everything reads `source` instead of the node's only output, and the node goes. An output of the graph keeps its name;
  // false where that is impossible, because the source is an input, a constant or an output of the graph too.
  bool bypass(NodeId id, ValueId source);

 private:
  FreshNames& names() { return names_ ? *names_ : names_.emplace(graph_); }

  Graph& graph_;
  Links links_;
  std::optional<FreshNames> names_;  // most passes over most graphs need none
};

// Offers every node to `rewrite`, which says whether it changed something, again and again until it changes nothing; removes
// what nothing needs any more. Says whether anything changed.
[[nodiscard]] Result<bool> rewrite_nodes(Graph& graph, const std::function<bool(Rewriter&, NodeId)>& rewrite);

// Not quantized, and f32.
bool is_float32(const Value& value);
// Integers (or floats) of the one stand for the same numbers as those of the other, position by position elsewhere.
bool have_same_numbers(const Value& a, const Value& b);
// The elements of a constant f32 value; empty where it is none.
std::vector<double> constant_elements(const Graph& graph, ValueId id);

template <class T>
const Node* Rewriter::producer(ValueId id) const {
  if (!id.valid() || !links_.producer(id).valid()) return nullptr;
  const Node& made_by = graph_.node(links_.producer(id));
  return std::holds_alternative<T>(made_by.op) ? &made_by : nullptr;
}

}  // namespace ht
