// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/import_node.h"

#include <algorithm>

#include "ir/dequantize.h"

namespace ht {

ImportNode::ImportNode(const OnnxNode& node, int64_t opset, std::vector<Operand> inputs, GraphBuilder& builder)
    : node_(node), op_type_(node.op_type), opset_(opset), builder_(builder), was_read_(node.attributes.size(), false) {
  set_inputs(std::move(inputs));
}

void ImportNode::set_inputs(std::vector<Operand> inputs) {
  inputs_ = std::move(inputs);
  while (!inputs_.empty() && !inputs_.back().value.valid()) inputs_.pop_back();
}

void ImportNode::become(std::string_view op_type, int64_t opset, std::vector<Operand> inputs) {
  op_type_ = op_type;
  opset_ = opset;
  set_inputs(std::move(inputs));
}

std::vector<ValueId> ImportNode::inputs() const {
  std::vector<ValueId> ids;
  for (const Operand& operand : inputs_) ids.push_back(operand.value);
  return ids;
}

Result<Tensor> ImportNode::constant(size_t i, std::string_view what) const {
  const Value& value = builder_.value(inputs_[i].value);
  if (!value.constant)
    return unsupported(
        "its {} ('{}') depend on the network's input; they must be constants, so export the model with fixed shapes", what,
        value.name);
  return dequantize(*value.constant, value.type.affine);
}

Result<Ints> ImportNode::constant_ints(size_t i, std::string_view what) const {
  HT_ASSIGN(const Tensor tensor, constant(i, what));
  if (!is_integer(tensor.dtype()) || tensor.shape().size() > 1)
    return input_error("its {} must be a list of integers, not {} of shape {}", what, dtype_name(tensor.dtype()),
                       shape_text(tensor.shape()));
  return tensor.to_int64s();
}

Result<float> ImportNode::constant_float(size_t i, std::string_view what) const {
  HT_ASSIGN(const Tensor tensor, constant(i, what));
  if (tensor.size() != 1)
    return input_error("its {} must be one number, not a tensor of shape {}", what, shape_text(tensor.shape()));
  return tensor.to_floats().front();
}

const OnnxAttribute* ImportNode::read_attribute(std::string_view name) {
  const OnnxAttribute* found = nullptr;
  for (size_t i = 0; i < node_.attributes.size(); ++i) {
    if (node_.attributes[i].name != name) continue;
    if (found) attributes_ = input_error("the attribute '{}' is there twice", name);
    was_read_[i] = true;
    found = &node_.attributes[i];
  }
  return found;
}

template <class T>
T ImportNode::attribute(std::string_view name, T otherwise, std::string_view type) {
  const OnnxAttribute* found = read_attribute(name);
  if (!found) return otherwise;
  if (const T* value = std::get_if<T>(&found->value)) return *value;
  if (const Error* error = std::get_if<Error>(&found->value))
    attributes_ = Error(*error).in(fmt::format("attribute '{}'", name));
  else
    attributes_ = wrong_attribute(name, fmt::format("must be {}", type));
  return otherwise;
}

bool ImportNode::has_attribute(std::string_view name) const {
  return std::ranges::any_of(node_.attributes, [&](const OnnxAttribute& attribute) { return attribute.name == name; });
}

int64_t ImportNode::integer(std::string_view name, int64_t otherwise) {
  return attribute<int64_t>(name, otherwise, "an integer");
}
float ImportNode::number(std::string_view name, float otherwise) { return attribute<float>(name, otherwise, "a number"); }
std::string ImportNode::text(std::string_view name, std::string otherwise) {
  return attribute<std::string>(name, std::move(otherwise), "a string");
}
Ints ImportNode::integers(std::string_view name, Ints otherwise) {
  return attribute<Ints>(name, std::move(otherwise), "a list of integers");
}
Floats ImportNode::numbers(std::string_view name) { return attribute<Floats>(name, {}, "a list of numbers"); }
Tensor ImportNode::tensor(std::string_view name, Tensor otherwise) {
  return attribute<Tensor>(name, std::move(otherwise), "a tensor");
}

Status ImportNode::emit(Op op, std::vector<ValueId> inputs, size_t output) {
  if (!wants_output(output)) return {};
  size_t wanted = 0;
  for (size_t i = 0; i < output_count(); ++i) wanted += wants_output(i) ? 1 : 0;
  const std::string node_name = wanted == 1 ? name() : builder_.fresh_name(fmt::format("{}_{}", name(), output));
  HT_ASSIGN(const ValueId value, builder_.add_node(node_name, std::move(op), std::move(inputs), node_.outputs[output]));
  builder_.bind(node_.outputs[output], {value});
  return {};
}

ValueId ImportNode::output_value(size_t output) const {
  const Operand* operand = wants_output(output) ? builder_.find(node_.outputs[output]) : nullptr;
  return operand ? operand->value : ValueId();
}

Result<ValueId> ImportNode::intermediate(Op op, std::vector<ValueId> inputs, std::string_view suffix) {
  const std::string node_name = builder_.fresh_name(fmt::format("{}_{}", name(), suffix));
  return builder_.add_node(node_name, std::move(op), std::move(inputs),
                           builder_.fresh_name(fmt::format("{}_{}", node_.outputs[0], suffix)));
}

ValueId ImportNode::constant_beside(Tensor tensor, std::string_view suffix) {
  return builder_.add_constant(builder_.fresh_name(fmt::format("{}_{}", name(), suffix)), std::move(tensor));
}

void ImportNode::emit_constant(Tensor tensor) {
  if (wants_output(0)) builder_.bind(node_.outputs[0], {builder_.add_constant(node_.outputs[0], std::move(tensor))});
}

void ImportNode::forward(Operand operand, size_t output) {
  if (wants_output(output)) builder_.bind(node_.outputs[output], operand);
}

void ImportNode::mark_integers() {
  for (const std::string& output : node_.outputs)
    if (const Operand* operand = builder_.find(output)) builder_.bind(output, {operand->value, true});
}

Error ImportNode::wrong_attribute(std::string_view name, std::string_view problem) const {
  return input_error("the attribute '{}' {}; export the model again", name, problem);
}

Status ImportNode::finish(Status converted) const {
  HT_TRY(attributes_);
  HT_TRY(std::move(converted));
  for (size_t i = 0; i < was_read_.size(); ++i)
    if (!was_read_[i])
      return input_error("{} of opset {} has no attribute '{}'; export the model again for the opset that it declares",
                         node_.op_type, opset_, node_.attributes[i].name);
  return {};
}

Result<int64_t> resolve_axis(int64_t axis, size_t rank) {
  const auto count = static_cast<int64_t>(rank);
  if (axis < -count || axis >= count) return input_error("axis {} of a tensor with {} axes", axis, rank);
  return axis < 0 ? axis + count : axis;
}

Result<Ints> resolve_axes(const Ints& axes, size_t rank) {
  Ints resolved;
  for (int64_t axis : axes) {
    HT_ASSIGN(const int64_t index, resolve_axis(axis, rank));
    if (std::ranges::find(resolved, index) != resolved.end()) return input_error("axis {} is named twice", axis);
    resolved.push_back(index);
  }
  return resolved;
}

}  // namespace ht
