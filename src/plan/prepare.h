// SPDX-License-Identifier: Apache-2.0
// How operators derive their steps: prepare() of a family asks the context for its inputs in the form that its kernel
// wants (type, parameters, layout), makes the output, and adds the calls.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace ht {

// The metadata that name the requantization policy.
inline constexpr std::string_view kPolicyKey = "halftone.requantization";

class PrepareContext {
 public:
  PrepareContext(const Graph& graph, Policy policy, Plan& plan);

  const Graph& graph() const { return graph_; }
  const Links& links() const { return links_; }
  Policy policy() const { return plan_.policy; }
  // Whether the file says how integers are rounded, as files of quantize do. What others compute in float between quantized
  // values stays in float, so that they give what they gave where they were made.
  bool states_policy() const { return graph_.metadata.contains(std::string(kPolicyKey)); }
  const Plan& plan() const { return plan_; }
  const Buffer& buffer(BufferId id) const { return plan_.buffer(id); }

  // Called by whoever walks the graph: which node the following calls are about; whether an earlier node computed it already.
  void begin(NodeId node);
  bool is_absorbed(NodeId node) const { return absorbed_[node.index]; }

  NodeId node_id() const { return node_; }
  const Node& node() const { return graph_.node(node_); }
  bool has_input(size_t i) const { return i < node().inputs.size() && node().inputs[i].valid(); }
  const Value& input_value(size_t i) const { return graph_.value(node().inputs[i]); }
  const Value& output_value(size_t i = 0) const { return graph_.value(graph_.node(result_node_).outputs[i]); }
  // The layout that the input lies in, if it is not a constant.
  std::optional<Layout> layout_of(size_t i) const;
  // Channels last if an input that is not constant lies so.
  Layout preferred_layout() const;

  // The input's floats, dequantized where it is quantized.
  BufferId float_input(size_t i, Layout layout);
  // The input's integers under its own parameters; the input must be stored in integers (is_stored).
  BufferId integer_input(size_t i, Layout layout);
  // The input's integers of the graph's type `declared` under these parameters (stored form), converted where they differ or where
  // it is float.
  Result<BufferId> integer_input_as(size_t i, Layout layout, DType declared, const Affine& stored);
  // The input as it is, whatever its type.
  BufferId raw_input(size_t i, Layout layout);

  // The node's float output. Where the graph's value is quantized, a step that quantizes it follows.
  Result<BufferId> float_output(Layout layout, size_t i = 0);
  // The node's output in integers of its own width, computed under these (stored) parameters. Where the graph's value has others,
  // a step that changes them follows.
  BufferId integer_output(Layout layout, const Affine& computed, size_t i = 0);
  // The node's output as the graph's type says (stored form).
  BufferId output(Layout layout, size_t i = 0);
  // The output shares the input's bytes under another shape; nothing needs to be computed.
  void alias_output(BufferId input, Layout layout, size_t i = 0);
  // A constant that no value of the graph stands for.
  BufferId constant_buffer(const Tensor& tensor);
  // A buffer that no value of the graph stands for.
  BufferId temporary(std::string name, DType dtype, Shape shape, Layout layout);

  // The node's only reader when it is an operator on this output alone, so that it can be computed in the same step;
  // invalid where the output is the graph's own or has other readers.
  NodeId only_reader() const { return links_.only_consumer(graph_.node(result_node_).outputs[0]); }
  // The reader is computed by this node's step: its output takes the place of this node's.
  void absorb(NodeId reader);

  // Adds a call for the node. Float outputs asked for with float_output are finished by finish().
  void add(KernelId kernel, KernelParams params, std::vector<std::shared_ptr<const void>> arrays, std::vector<BufferId> inputs,
           BufferId output, int64_t macs = 0);
  // Adds what must follow the node's calls.
  Status finish();
  // After the last node: brings the graph's outputs into the plain layout.
  Status finish_graph();

 private:
  struct Form {
    BufferId buffer;
    bool is_float;  // dequantized although the value is quantized
    Layout layout;
  };
  BufferId find_or_make(ValueId value, bool as_float, Layout layout);
  BufferId relayout(BufferId source, Layout layout);
  // The buffer in a layout in which these parameters vary along the innermost axis, where there is one.
  BufferId with_innermost(BufferId source, const Affine& affine);
  BufferId constant(ValueId value, bool as_float, Layout layout);
  BufferId add_buffer(Buffer buffer);
  Result<BufferId> quantize(BufferId source, DType declared, const Affine& stored, std::string name);
  BufferId dequantize_step(BufferId source);
  void add_step(Step step) { plan_.steps.push_back(std::move(step)); }

  const Graph& graph_;
  Links links_;
  Plan& plan_;
  NodeId node_, result_node_;
  std::vector<bool> absorbed_;
  std::vector<std::vector<Form>> forms_;  // of each value of the graph
  struct Pending {
    BufferId source;
    ValueId value;
  };
  std::vector<Pending> pending_;
};

// Whether the value is quantized to integers that kernels compute with: 8 or 16 bits, their scales not in blocks.
bool is_stored(const TensorType& type);
// The stored (signed) form of a graph value's parameters: zero points less half the range where its integers are unsigned.
Affine stored_affine(const TensorType& type);

// Keeps an array alive for a step and gives the pointer for its parameters.
template <class T>
const T* keep(std::vector<std::shared_ptr<const void>>& arrays, std::vector<T> values) {
  auto shared = std::make_shared<const std::vector<T>>(std::move(values));
  arrays.push_back(shared);
  return shared->data();
}
ht_epilogue keep(std::vector<std::shared_ptr<const void>>& arrays, EpilogueData data);

}  // namespace ht
