// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "ir/op.h"
#include "ir/tensor.h"
#include "ir/type.h"

namespace ht {

struct Value {
  std::string name;
  TensorType type;
  std::optional<Tensor> constant;  // its integers or floats, with the type's dtype and shape

  bool operator==(const Value&) const = default;
};

struct Node {
  std::string name;
  Op op;
  std::vector<ValueId> inputs;  // an optional input that is not there is invalid
  std::vector<ValueId> outputs;

  bool operator==(const Node&) const = default;
};

// The metadata that say that float constants shall be stored as float16 where that loses nothing.
inline constexpr const char* kFloat16StorageKey = "halftone.float16_storage";

// A network as a value: nodes in an order in which they can run, values addressed by index. Axes are ONNX's.
struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs, outputs;
  std::map<std::string, std::string> metadata;  // what the file carries beside the network

  bool operator==(const Graph&) const = default;

  Value& value(ValueId id) { return values[id.index]; }
  const Value& value(ValueId id) const { return values[id.index]; }
  Node& node(NodeId id) { return nodes[id.index]; }
  const Node& node(NodeId id) const { return nodes[id.index]; }
  bool is_constant(ValueId id) const { return id.valid() && value(id).constant.has_value(); }

  ValueId add_value(Value value) {
    values.push_back(std::move(value));
    return ValueId(values.size() - 1);
  }
  ValueId add_constant(std::string value_name, Tensor tensor) {
    TensorType type{tensor.dtype(), tensor.shape(), std::nullopt};
    return add_value({std::move(value_name), std::move(type), std::move(tensor)});
  }
};

// Who makes and who reads each value. Made from a graph and valid until that graph's nodes change.
class Links {
 public:
  explicit Links(const Graph& graph);
  NodeId producer(ValueId value) const { return producers_[value.index]; }  // invalid for inputs and constants
  const std::vector<NodeId>& consumers(ValueId value) const { return consumers_[value.index]; }  // each node once
  bool is_output(ValueId value) const { return is_output_[value.index]; }
  // Follows a change of one node's inputs, and values that are new.
  void change_inputs(const Graph& graph, NodeId node, const std::vector<ValueId>& before);
  // The only node that reads the value, if there is just one and the value is not an output of the graph.
  NodeId only_consumer(ValueId value) const;

 private:
  std::vector<NodeId> producers_;
  std::vector<std::vector<NodeId>> consumers_;
  std::vector<bool> is_output_;
};

// Puts the nodes into an order in which they can run, keeping the present order where it can; an error where they form a cycle.
Status sort_nodes(Graph& graph);
// Removes values that nothing mentions, renumbering the rest in their order.
void compact_values(Graph& graph);
// Names that nothing else has: the wish itself, or the wish with a number behind it.
class FreshNames {
 public:
  FreshNames() = default;
  explicit FreshNames(const Graph& graph);  // those of its values and nodes are taken
  void reserve(const std::string& name) { taken_.emplace(name, 1); }
  std::string make(const std::string& wish);

 private:
  std::map<std::string, int> taken_;
};

// Ids in range, every value made once and before it is read, names of values unique and not empty, constants of their type,
// scales that fit. What the operators themselves demand is checked by verify() in ops/verify.h.
Status verify_structure(const Graph& graph);

}  // namespace ht
