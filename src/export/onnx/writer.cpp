// SPDX-License-Identifier: Apache-2.0
#include "export/onnx/writer.h"

#include <onnx.pb.h>

#include <bit>
#include <cmath>

static_assert(std::endian::native == std::endian::little, "raw data of ONNX are little-endian");

namespace ht {
namespace {

onnx::AttributeProto& add_attribute(onnx::NodeProto& node, std::string_view name, onnx::AttributeProto::AttributeType type) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(std::string(name));
  attribute.set_type(type);
  return attribute;
}

// 4-bit integers go two to a byte, the first in the low half.
std::string packed(const Tensor& tensor) {
  const auto elements = tensor.bytes();
  if (tensor.dtype() != DType::kInt4 && tensor.dtype() != DType::kUint4) return {elements.begin(), elements.end()};
  std::string bytes((elements.size() + 1) / 2, '\0');
  for (size_t i = 0; i < elements.size(); ++i) {
    const int half = (elements[i] & 15) << (i % 2 * 4);
    bytes[i / 2] = static_cast<char>(bytes[i / 2] | half);
  }
  return bytes;
}

void write_port(onnx::ValueInfoProto& port, const Value& value) {
  port.set_name(value.name);
  auto& type = *port.mutable_type()->mutable_tensor_type();
  type.set_elem_type(element_code(value.type.dtype));
  auto& shape = *type.mutable_shape();
  for (int64_t size : value.type.shape) shape.add_dim()->set_dim_value(size);
}

}  // namespace

int32_t element_code(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return 1;
    case DType::kUint8:
      return 2;
    case DType::kInt8:
      return 3;
    case DType::kUint16:
      return 4;
    case DType::kInt16:
      return 5;
    case DType::kInt32:
      return 6;
    case DType::kInt64:
      return 7;
    case DType::kBool:
      return 9;
    case DType::kFloat16:
      return 10;
    case DType::kFloat64:
      return 11;
    case DType::kUint4:
      return 21;
    case DType::kInt4:
      return 22;
  }
  return 0;
}

Attributes& Attributes::integer(std::string_view name, int64_t value) {
  add_attribute(node_, name, onnx::AttributeProto::INT).set_i(value);
  return *this;
}

Attributes& Attributes::integers(std::string_view name, const Ints& values) {
  auto& attribute = add_attribute(node_, name, onnx::AttributeProto::INTS);
  for (int64_t value : values) attribute.add_ints(value);
  return *this;
}

Attributes& Attributes::number(std::string_view name, float value) {
  add_attribute(node_, name, onnx::AttributeProto::FLOAT).set_f(value);
  return *this;
}

Attributes& Attributes::text(std::string_view name, std::string_view value) {
  add_attribute(node_, name, onnx::AttributeProto::STRING).set_s(std::string(value));
  return *this;
}

OnnxWriter::OnnxWriter(const Graph& graph, int64_t opset)
    : graph_(graph),
      opset_(opset),
      names_(graph),
      model_(std::make_unique<onnx::ModelProto>()),
      is_output_(graph.values.size(), false),
      stores_float16_(graph.metadata.contains(kFloat16StorageKey)) {
  for (ValueId output : graph.outputs) is_output_[output.index] = true;
}

OnnxWriter::~OnnxWriter() = default;

onnx::GraphProto& OnnxWriter::proto() { return *model_->mutable_graph(); }

Attributes OnnxWriter::node(std::string_view op_type, const std::string& name, const std::vector<std::string>& inputs,
                            const std::string& output) {
  return this->node(op_type, name, inputs, std::vector<std::string>{output});
}

Attributes OnnxWriter::node(std::string_view op_type, const std::string& name, const std::vector<std::string>& inputs,
                            const std::vector<std::string>& outputs) {
  auto& node = *proto().add_node();
  size_t count = inputs.size();
  while (count > 0 && inputs[count - 1].empty()) --count;
  for (size_t i = 0; i < count; ++i) node.add_input(inputs[i]);
  for (const std::string& output : outputs) node.add_output(output);
  node.set_name(name);
  node.set_op_type(std::string(op_type));
  return Attributes(node);
}

void OnnxWriter::initializer(const std::string& name, const Tensor& tensor) {
  auto& initializer = *proto().add_initializer();
  for (int64_t size : tensor.shape()) initializer.add_dims(size);
  initializer.set_data_type(element_code(tensor.dtype()));
  initializer.set_name(name);
  initializer.set_raw_data(packed(tensor));
}

std::string OnnxWriter::constant(const std::string& wish, const Tensor& tensor) {
  std::string name = fresh(wish);
  initializer(name, tensor);
  return name;
}

std::string OnnxWriter::constant_ints(const std::string& wish, const Ints& values) {
  return constant(wish, Tensor::of_int64s(values));
}
std::string OnnxWriter::constant_float(const std::string& wish, float value) {
  return constant(wish, Tensor::of_floats({}, std::span(&value, 1)));
}

void OnnxWriter::inputs_and_outputs() {
  for (ValueId id : graph_.inputs) write_port(*proto().add_input(), graph_.value(id));
  for (ValueId id : graph_.outputs) write_port(*proto().add_output(), graph_.value(id));
}

Result<std::vector<uint8_t>> OnnxWriter::bytes(int64_t ir_version) {
  model_->set_ir_version(ir_version);
  model_->set_producer_name("halftone");
  model_->set_producer_version(HALFTONE_VERSION);
  auto& opset = *model_->add_opset_import();
  opset.set_domain("");
  opset.set_version(opset_);
  proto().set_name(graph_.name.empty() ? "graph" : graph_.name);
  for (const auto& [key, value] : graph_.metadata) {
    auto& entry = *model_->add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  const size_t size = model_->ByteSizeLong();
  if (size > INT32_MAX) return unsupported("the model takes {} bytes; an ONNX file has at most 2 GiB", size);
  std::vector<uint8_t> bytes(size);
  if (!model_->SerializeToArray(bytes.data(), static_cast<int>(size)))
    return input_error("the model could not be written as ONNX");
  return bytes;
}

}  // namespace ht
