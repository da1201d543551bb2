// SPDX-License-Identifier: Apache-2.0
#include "ir/tensor.h"

#include <algorithm>
#include <bit>

#include "base/checked.h"

namespace ht {

Result<Tensor> Tensor::make(DType dtype, Shape shape, std::vector<uint8_t> bytes) {
  HT_ASSIGN(const int64_t count, checked_element_count(shape));
  if (count * dtype_size(dtype) != static_cast<int64_t>(bytes.size()))
    return input_error("{} bytes of data for a tensor of type {} and shape {}, which needs {}", bytes.size(), dtype_name(dtype),
                       shape_text(shape), count * dtype_size(dtype));
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  tensor.bytes_ = std::make_shared<std::vector<uint8_t>>(std::move(bytes));
  return tensor;
}

Tensor Tensor::zeros(DType dtype, Shape shape) {
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.bytes_ = std::make_shared<std::vector<uint8_t>>(static_cast<size_t>(element_count(shape) * dtype_size(dtype)));
  tensor.shape_ = std::move(shape);
  return tensor;
}

Tensor Tensor::reshaped(Shape shape) const {
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  return tensor;
}

bool Tensor::operator==(const Tensor& other) const {
  return dtype_ == other.dtype_ && shape_ == other.shape_ && (bytes_ == other.bytes_ || std::ranges::equal(bytes(), other.bytes()));
}

namespace {

template <class To, class From>
std::vector<To> convert(const Tensor& tensor) {
  const auto from = tensor.data<From>();
  std::vector<To> to(from.size());
  std::transform(from.begin(), from.end(), to.begin(), [](From x) { return static_cast<To>(x); });
  return to;
}

template <class To>
std::vector<To> convert_any(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kFloat32: return convert<To, float>(tensor);
    case DType::kFloat64: return convert<To, double>(tensor);
    case DType::kFloat16: {
      const auto from = tensor.data<uint16_t>();
      std::vector<To> to(from.size());
      std::transform(from.begin(), from.end(), to.begin(), [](uint16_t x) { return static_cast<To>(half_to_float(x)); });
      return to;
    }
    case DType::kInt4:
    case DType::kInt8: return convert<To, int8_t>(tensor);
    case DType::kUint4:
    case DType::kUint8:
    case DType::kBool: return convert<To, uint8_t>(tensor);
    case DType::kInt16: return convert<To, int16_t>(tensor);
    case DType::kUint16: return convert<To, uint16_t>(tensor);
    case DType::kInt32: return convert<To, int32_t>(tensor);
    case DType::kInt64: return convert<To, int64_t>(tensor);
  }
  return {};
}

}  // namespace

std::vector<double> Tensor::to_doubles() const { return convert_any<double>(*this); }
std::vector<float> Tensor::to_floats() const { return convert_any<float>(*this); }
std::vector<int64_t> Tensor::to_int64s() const { return convert_any<int64_t>(*this); }

float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 31, mantissa = half & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

uint16_t float_to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00);  // NaN
  if (magnitude >= 0x477ff000) return static_cast<uint16_t>(sign | 0x7c00);  // rounds to infinity
  if (magnitude < 0x38800000) {                                               // subnormal: count units of 2^-24
    const float units = std::bit_cast<float>(magnitude) * 0x1p24f;
    const float rounded = (units + 0x1p23f) - 0x1p23f;
    return static_cast<uint16_t>(sign | static_cast<uint32_t>(rounded));
  }
  const uint32_t odd = (magnitude >> 13) & 1;
  return static_cast<uint16_t>(sign | ((magnitude - 0x38000000 + 0xfff + odd) >> 13));
}

}  // namespace ht
