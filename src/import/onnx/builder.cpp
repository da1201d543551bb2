// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/builder.h"

#include <algorithm>

#include "ops/ops.h"
#include "ops/work.h"

namespace ht {
namespace {

// A quantized constant whose elements an operator only moves keeps its integers: the operator is applied to them, and this is
// where the scales go. None where they do not go along.
std::optional<Affine> moved_affine(const Op& op, const TensorType& from, const Shape& to) {
  const Affine& affine = *from.affine;
  const bool moves =
      std::holds_alternative<Reshape>(op) || std::holds_alternative<Transpose>(op) || std::holds_alternative<Slice>(op);
  if (!moves) return std::nullopt;
  if (affine.is_per_tensor()) return affine;
  if (const auto* transpose = std::get_if<Transpose>(&op)) {
    const auto axis = affine.axis();
    if (!axis) return std::nullopt;
    const auto target = std::ranges::find(transpose->permutation, static_cast<int64_t>(*axis)) - transpose->permutation.begin();
    auto moved = Affine::per_axis(affine.scales(), affine.zero_points(), static_cast<size_t>(target), to.size());
    if (moved) return *std::move(moved);
  }
  if (std::holds_alternative<Reshape>(op) && affine.axis() == 0u && !to.empty() && to[0] == from.shape[0]) {
    auto moved = Affine::per_axis(affine.scales(), affine.zero_points(), 0, to.size());
    if (moved) return *std::move(moved);
  }
  return std::nullopt;
}

}  // namespace

const Operand* GraphBuilder::find(const std::string& name) const {
  const auto found = operands_.find(name);
  return found == operands_.end() ? nullptr : &found->second;
}

ValueId GraphBuilder::add_quantized_constant(ValueId integers, Tensor tensor, Affine affine) {
  for (ValueId made : quantized_[integers])
    if (value(made).type.affine == affine) return made;
  TensorType type{tensor.dtype(), tensor.shape(), std::move(affine)};
  const ValueId made = graph_.add_value({value(integers).name, std::move(type), std::move(tensor)});
  quantized_[integers].push_back(made);
  return made;
}

bool GraphBuilder::afford(int64_t work, int64_t bytes) {
  if (work > work_left_ || bytes > bytes_left_) return false;
  work_left_ -= work;
  bytes_left_ -= bytes;
  return true;
}

Result<std::optional<Value>> GraphBuilder::fold(const Node& node, const TensorType& type) {
  const bool all_constant = std::ranges::all_of(node.inputs, [&](ValueId id) { return !id.valid() || graph_.is_constant(id); });
  if (!all_constant) return std::optional<Value>();
  std::vector<const Tensor*> inputs;
  std::optional<Affine> affine;
  for (ValueId id : node.inputs) {
    inputs.push_back(id.valid() ? &*value(id).constant : nullptr);
    if (!id.valid() || !value(id).type.is_quantized()) continue;
    affine = moved_affine(node.op, value(id).type, type.shape);
    if (!affine) return std::optional<Value>();  // the weights stay integers; the node computes with what they stand for
  }
  const int64_t count = element_count(type.shape);
  const auto work = reference_work(graph_, node, count);
  if (!work || !afford(*work, count * dtype_size(type.dtype))) return std::optional<Value>();
  HT_ASSIGN(auto outputs, reference(node, inputs));
  Tensor result = std::move(outputs.at(0));
  if (const auto* convert = std::get_if<Convert>(&node.op)) affine = convert->affine;
  TensorType folded{result.dtype(), result.shape(), std::move(affine)};
  return std::optional<Value>(Value{{}, std::move(folded), std::move(result)});
}

Result<ValueId> GraphBuilder::add_node(const std::string& node_name, Op op, std::vector<ValueId> inputs,
                                       const std::string& value_name) {
  constexpr size_t kMostAxes = 8;
  Node node{node_name, std::move(op), std::move(inputs), {}};
  HT_ASSIGN(auto types, infer(graph_, node));
  TensorType type = std::move(types.at(0));
  if (type.shape.size() > kMostAxes)
    return unsupported("the result has {} axes; at most {} are supported", type.shape.size(), kMostAxes);
  HT_TRY(checked_element_count(type.shape));
  HT_ASSIGN(auto constant, fold(node, type));
  if (constant) {
    constant->name = value_name;
    return graph_.add_value(*std::move(constant));
  }
  const ValueId output = graph_.add_value({value_name, std::move(type), std::nullopt});
  node.outputs = {output};
  graph_.nodes.push_back(std::move(node));
  return output;
}

}  // namespace ht
