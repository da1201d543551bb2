// SPDX-License-Identifier: Apache-2.0
#include "api/tensor.h"

#include <cstring>

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
