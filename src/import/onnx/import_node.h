// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "import/onnx/builder.h"
#include "import/onnx/model.h"

namespace ht {

// A node of the file while it is turned into nodes of the graph: what an operator's converter reads and where it puts results.
// An attribute of the wrong type is remembered and its default handed out; finish() tells. That as many inputs are there as the
// operator's row demands has been checked before.
class ImportNode {
 public:
  ImportNode(const OnnxNode& node, int64_t opset, std::vector<Operand> inputs, GraphBuilder& builder);

  int64_t opset() const { return opset_; }
  const std::string& op_type() const { return op_type_; }
  const std::string& domain() const { return node_.domain; }
  const std::string& name() const { return node_.name; }
  GraphBuilder& builder() { return builder_; }

  size_t input_count() const { return inputs_.size(); }
  bool has_input(size_t i) const { return i < inputs_.size() && inputs_[i].value.valid(); }
  ValueId input(size_t i) const { return i < inputs_.size() ? inputs_[i].value : ValueId(); }
  std::vector<ValueId> inputs() const;  // optional ones that are not there at the end are left out
  Operand operand(size_t i) const { return inputs_[i]; }
  void set_inputs(std::vector<Operand> inputs);
  // From here on it is a node of ONNX's own of this operator and opset: for operators that do what another one does.
  void become(std::string_view op_type, int64_t opset, std::vector<Operand> inputs);
  TensorType type(size_t i) const { return builder_.value(inputs_[i].value).type; }
  Shape shape(size_t i) const { return type(i).shape; }
  bool is_constant(size_t i) const { return has_input(i) && builder_.value(inputs_[i].value).constant.has_value(); }
  // The elements of an input that must be known at import; `what` names it in the error.
  Result<Tensor> constant(size_t i, std::string_view what) const;
  Result<Ints> constant_ints(size_t i, std::string_view what) const;  // a scalar or a vector of integers
  Result<float> constant_float(size_t i, std::string_view what) const;

  bool has_attribute(std::string_view name) const;
  int64_t integer(std::string_view name, int64_t otherwise);
  bool flag(std::string_view name, bool otherwise = false) { return integer(name, otherwise ? 1 : 0) != 0; }
  float number(std::string_view name, float otherwise);
  std::string text(std::string_view name, std::string otherwise);
  Ints integers(std::string_view name, Ints otherwise);
  Floats numbers(std::string_view name);
  Tensor tensor(std::string_view name, Tensor otherwise);
  void ignore(std::string_view name) { read_attribute(name); }  // an attribute that changes nothing in inference

  size_t output_count() const { return node_.outputs.size(); }
  bool wants_output(size_t i) const {
    return i < node_.outputs.size() && !node_.outputs[i].empty() && builder_.is_read(node_.outputs[i]);
  }
  bool makes_graph_output() const { return wants_output(0) && builder_.is_output(node_.outputs[0]); }
  // Makes the output by a node.
  Status emit(Op op, std::vector<ValueId> inputs, size_t output = 0);
  // What emit() or forward() made of the output.
  ValueId output_value(size_t output) const;
  // Makes a value on the way to the output.
  Result<ValueId> intermediate(Op op, std::vector<ValueId> inputs, std::string_view suffix);
  ValueId constant_beside(Tensor tensor, std::string_view suffix);
  void emit_constant(Tensor tensor);
  // The output is this value, under another name.
  void forward(Operand operand, size_t output = 0);

  void mark_integers();  // the outputs are integer views

  Error wrong_attribute(std::string_view name, std::string_view problem) const;
  // The outcome of the conversion. An attribute of the wrong type explains what went wrong after it; one that nobody asked for is
  // an error only where nothing else went wrong.
  Status finish(Status converted) const;

 private:
  const OnnxAttribute* read_attribute(std::string_view name);
  template <class T>
  T attribute(std::string_view name, T otherwise, std::string_view type);

  const OnnxNode& node_;
  std::string op_type_;
  int64_t opset_;
  std::vector<Operand> inputs_;
  GraphBuilder& builder_;
  std::vector<bool> was_read_;  // of each attribute
  Status attributes_;
};

// An axis of a tensor with that many axes, counted from the front.
Result<int64_t> resolve_axis(int64_t axis, size_t rank);
// Each resolved, and none twice.
Result<Ints> resolve_axes(const Ints& axes, size_t rank);

}  // namespace ht
