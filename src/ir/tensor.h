// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "ir/type.h"

namespace ht {

// The elements of a tensor, row-major, in memory that copies share and nobody changes.
class Tensor {
 public:
  Tensor() = default;
  // Takes exactly the bytes that the type and shape need.
  static Result<Tensor> make(DType dtype, Shape shape, std::vector<uint8_t> bytes);
  static Tensor zeros(DType dtype, Shape shape);
  template <class T>
  static Tensor of(DType dtype, Shape shape, std::span<const T> elements);
  static Tensor of_floats(Shape shape, std::span<const float> elements) { return of(DType::kFloat32, std::move(shape), elements); }
  static Tensor of_int64s(std::span<const int64_t> elements) { return of(DType::kInt64, {static_cast<int64_t>(elements.size())}, elements); }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int64_t size() const { return element_count(shape_); }
  std::span<const uint8_t> bytes() const { return bytes_ ? std::span<const uint8_t>(*bytes_) : std::span<const uint8_t>(); }
  // The elements; T must have the size of the element type.
  template <class T>
  std::span<const T> data() const {
    return {reinterpret_cast<const T*>(bytes().data()), bytes().size() / sizeof(T)};
  }
  // For filling a tensor that nobody shares yet.
  template <class T>
  std::span<T> mutable_data() {
    return bytes_ ? std::span<T>(reinterpret_cast<T*>(bytes_->data()), bytes_->size() / sizeof(T)) : std::span<T>();
  }
  // The same elements under another shape with as many of them.
  Tensor reshaped(Shape shape) const;

  // Elements as doubles or integers, whatever numeric type they have.
  std::vector<double> to_doubles() const;
  std::vector<float> to_floats() const;
  std::vector<int64_t> to_int64s() const;

  bool operator==(const Tensor& other) const;

 private:
  DType dtype_ = DType::kFloat32;
  Shape shape_ = {0};
  std::shared_ptr<std::vector<uint8_t>> bytes_;
};

float half_to_float(uint16_t half);
uint16_t float_to_half(float value);  // round half to even

template <class T>
Tensor Tensor::of(DType dtype, Shape shape, std::span<const T> elements) {
  Tensor tensor = zeros(dtype, std::move(shape));
  const size_t bytes = std::min(tensor.bytes_->size(), elements.size_bytes());
  if (bytes > 0) std::memcpy(tensor.bytes_->data(), elements.data(), bytes);
  return tensor;
}

}  // namespace ht
