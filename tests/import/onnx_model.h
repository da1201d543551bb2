// SPDX-License-Identifier: Apache-2.0
// Small ONNX models as bytes, right and wrong ones.
#pragma once

#include <onnx.pb.h>

#include <cstdint>
#include <string>
#include <vector>

namespace ht {

inline std::vector<uint8_t> bytes_of(const onnx::ModelProto& model) {
  const std::string text = model.SerializeAsString();
  return {text.begin(), text.end()};
}

inline onnx::ModelProto empty_model(int64_t opset = 13) {
  onnx::ModelProto model;
  model.set_ir_version(7);
  model.add_opset_import()->set_version(opset);
  model.mutable_graph()->set_name("net");
  return model;
}

inline void add_port(onnx::ValueInfoProto& port, const std::string& name, const std::vector<int64_t>& shape, int32_t type = 1) {
  port.set_name(name);
  auto& tensor = *port.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(type);
  tensor.mutable_shape();
  for (int64_t size : shape) {
    auto& dim = *tensor.mutable_shape()->add_dim();
    if (size >= 0)
      dim.set_dim_value(size);
    else
      dim.set_dim_param("open");
  }
}

inline onnx::NodeProto& add_node(onnx::ModelProto& model, const std::string& op, const std::vector<std::string>& inputs,
                                 const std::vector<std::string>& outputs, const std::string& name = "") {
  auto& node = *model.mutable_graph()->add_node();
  node.set_op_type(op);
  node.set_name(name);
  for (const auto& input : inputs) node.add_input(input);
  for (const auto& output : outputs) node.add_output(output);
  return node;
}

inline onnx::AttributeProto& add_attribute(onnx::NodeProto& node, const std::string& name,
                                           onnx::AttributeProto::AttributeType type) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

inline onnx::TensorProto& add_floats(onnx::ModelProto& model, const std::string& name, const std::vector<int64_t>& shape,
                                     const std::vector<float>& values) {
  auto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(1);
  for (int64_t size : shape) tensor.add_dims(size);
  for (float value : values) tensor.add_float_data(value);
  return tensor;
}

// x [1,2,4,4] -> Conv -> Relu -> y
inline onnx::ModelProto small_model() {
  auto model = empty_model();
  add_port(*model.mutable_graph()->add_input(), "x", {1, 2, 4, 4});
  add_port(*model.mutable_graph()->add_output(), "y", {1, 1, 4, 4});
  add_floats(model, "w", {1, 2, 1, 1}, {0.5f, -2});
  auto& conv = add_node(model, "Conv", {"x", "w"}, {"c"}, "conv");
  auto& strides = add_attribute(conv, "strides", onnx::AttributeProto::INTS);
  strides.add_ints(1);
  strides.add_ints(1);
  add_node(model, "Relu", {"c"}, {"y"});
  return model;
}

}  // namespace ht
