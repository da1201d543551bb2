// SPDX-License-Identifier: Apache-2.0
#include "api/tensor.h"

#include <cstring>

#include "ir/dequantize.h"
#include "ops/convert/convert.h"

namespace ht {

halftone::Tensor to_public(std::string name, const Tensor& tensor) {
  const auto bytes = tensor.bytes();
  return {std::move(name), std::string(dtype_name(tensor.dtype())), tensor.shape(), {bytes.begin(), bytes.end()}};
}

Result<Tensor> to_internal(const halftone::Tensor& tensor) {
  const auto dtype = dtype_from_name(tensor.type);
  if (!dtype) return usage_error("the tensor '{}' has the unknown element type '{}'", tensor.name, tensor.type);
  auto result = Tensor::make(*dtype, tensor.shape, tensor.bytes);
  if (!result) return usage_error("the tensor '{}': {}", tensor.name, result.error().message);
  return result;
}

Tensor as_input(const TensorType& type, const Tensor& given) {
  const bool fits = type.is_quantized() && given.dtype() == DType::kFloat32 && given.shape() == type.shape;
  return fits ? quantize(given, type.dtype, *type.affine) : given;
}

std::vector<Tensor> as_inputs(const Graph& graph, std::span<const Tensor> given) {
  std::vector<Tensor> inputs(given.begin(), given.end());
  for (size_t i = 0; i < inputs.size() && i < graph.inputs.size(); ++i) inputs[i] = as_input(graph.value(graph.inputs[i]).type, inputs[i]);
  return inputs;
}

std::vector<Tensor> as_real(const Graph& graph, std::vector<Tensor> outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = dequantize(outputs[i], graph.value(graph.outputs[i]).type.affine);
  return outputs;
}

halftone::ValueInfo value_info(std::string name, const TensorType& type) {
  return {std::move(name), std::string(dtype_name(type.dtype)), type.shape};
}

}  // namespace ht

namespace halftone {

Tensor Tensor::of_floats(std::string name, std::vector<int64_t> shape, std::span<const float> values) {
  Tensor tensor{std::move(name), "f32", std::move(shape), std::vector<uint8_t>(values.size_bytes())};
  if (!values.empty()) std::memcpy(tensor.bytes.data(), values.data(), values.size_bytes());
  return tensor;
}

std::span<const float> Tensor::floats() const {
  if (type != "f32") return {};
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

}  // namespace halftone
