// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/graph.h"

namespace ht {

// What a name of the file stands for. An integer view is the integer tensor that QuantizeLinear makes: the same value as its
// real numbers, but only operators that move elements may read it.
struct Operand {
  ValueId value;
  bool integers = false;
};

// The graph that an import builds: names, shape inference at once, and computing at once what is constant.
class GraphBuilder {
 public:
  GraphBuilder(Graph& graph, int64_t max_bytes) : graph_(graph), bytes_left_(max_bytes) {}

  Graph& graph() { return graph_; }
  const Value& value(ValueId id) const { return graph_.value(id); }

  // No value or node that the builder names by itself will get this name.
  void reserve(const std::string& name) { names_.reserve(name); }
  std::string fresh_name(const std::string& wish) { return names_.make(wish); }

  // What the name of the file stands for; null before that is known.
  const Operand* find(const std::string& name) const;
  void bind(const std::string& name, Operand operand) { operands_[name] = operand; }

  // Names of the graph's outputs, which hold real numbers where the file dequantizes them.
  void mark_output(const std::string& name) { outputs_.insert(name); }
  bool is_output(const std::string& name) const { return outputs_.contains(name); }

  // Names that somebody reads; outputs of nodes that nobody reads need not be made.
  void mark_read(const std::string& name) { read_.insert(name); }
  bool is_read(const std::string& name) const { return read_.contains(name); }

  // Takes the work and the memory of a constant that the file only describes from what all of them may have together; false, and
  // nothing taken, where that is not enough.
  bool afford(int64_t work, int64_t bytes);
  ValueId add_constant(const std::string& name, Tensor tensor) { return graph_.add_constant(name, std::move(tensor)); }
  // The integers of a constant with scales, under that constant's name; the same value for the same scales.
  ValueId add_quantized_constant(ValueId integers, Tensor tensor, Affine affine);
  // Makes a value by a node with one output, or a constant where all inputs are constants.
  Result<ValueId> add_node(const std::string& node_name, Op op, std::vector<ValueId> inputs, const std::string& value_name);

 private:
  Result<std::optional<Value>> fold(const Node& node, const TensorType& type);

  Graph& graph_;
  FreshNames names_;
  std::unordered_set<std::string> outputs_, read_;
  std::unordered_map<std::string, Operand> operands_;
  std::unordered_map<ValueId, std::vector<ValueId>> quantized_;  // constants by the one that they were made of
  int64_t bytes_left_;
  int64_t work_left_ = int64_t{1} << 30;  // multiplications or moves
};

}  // namespace ht
