// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ht {

enum class DType : uint8_t { kFloat32, kFloat16, kFloat64, kInt4, kUint4, kInt8, kUint8, kInt16, kUint16, kInt32, kInt64, kBool };

std::string_view dtype_name(DType dtype);  // "f32", "u8", ...
std::optional<DType> dtype_from_name(std::string_view name);
// Bytes an element takes in a Tensor; 4-bit integers take a whole byte there and are packed only in files.
int64_t dtype_size(DType dtype);
bool is_float(DType dtype);
bool is_integer(DType dtype);

struct IntegerRange {
  int64_t min, max;
};
IntegerRange integer_range(DType dtype);  // of an integer type

// Sizes of the axes in ONNX's order (NCHW); empty for a scalar.
using Shape = std::vector<int64_t>;
std::string shape_text(const Shape& shape);  // "1x3x416x416", "scalar"
int64_t element_count(const Shape& shape);   // of a shape that was checked when it was made
Result<int64_t> checked_element_count(const Shape& shape);
// Row-major strides, in elements.
Shape strides_of(const Shape& shape);

// Scales and zero points, one after another: [outer][factor][inner] with scales base[outer][inner] * factors[factor], and the zero
// points of the base. Most tables have the one factor 1. Weights that were divided by a scale an input channel have a factor for
// each of them, and their table, as large as the weights themselves, is written out only if somebody asks for all of it.
class AffineTable {
 public:
  struct Place {
    size_t base, factor;
    bool operator==(const Place&) const = default;
  };

  AffineTable(std::vector<float> scales, std::vector<int32_t> zero_points, std::vector<float> factors = {1.0f}, size_t inner = 1);

  size_t size() const { return base_.scales.size() * factors_.size(); }
  // Of a position in the whole table. Places of positions along different axes add up as the positions do.
  Place place_of(size_t i) const { return {i / (inner_ * factors_.size()) * inner_ + i % inner_, i / inner_ % factors_.size()}; }
  float scale(Place place) const { return base_.scales[place.base] * factors_[place.factor]; }
  int32_t zero_point(Place place) const { return base_.zero_points[place.base]; }
  const std::vector<int32_t>& base_zero_points() const { return base_.zero_points; }
  const std::vector<float>& scales() const { return whole().scales; }
  const std::vector<int32_t>& zero_points() const { return whole().zero_points; }

  bool operator==(const AffineTable& other) const;

 private:
  struct Numbers {
    std::vector<float> scales;
    std::vector<int32_t> zero_points;
    bool operator==(const Numbers&) const = default;
  };
  const Numbers& whole() const;

  Numbers base_;
  std::vector<float> factors_;
  size_t inner_;
  mutable std::once_flag once_;
  mutable Numbers whole_;
};

// How the integers q of a tensor stand for real numbers: x = (q - zero_point) * scale, with scales and zero points that
// broadcast to the tensor: their shape has the tensor's rank, each axis being 1 or the tensor's own size. Along one axis,
// where the size is neither, each run of block() elements shares a scale, the last run being what is left. A scalar shape is
// one for all.
class Affine {
 public:
  // One scale a tensor.
  static Result<Affine> per_tensor(float scale, int32_t zero_point = 0);
  // A scale each index of one axis of a tensor of the given rank. Zero points may be empty (all zero).
  static Result<Affine> per_axis(std::vector<float> scales, std::vector<int32_t> zero_points, size_t axis, size_t rank);
  // Scales must be positive, finite and normal; zero points as many as scales, or none. `block`, of 2 or more, where an axis
  // has scales a run of elements, else 0.
  static Result<Affine> make(Shape shape, std::vector<float> scales, std::vector<int32_t> zero_points, int64_t block = 0);
  // These scales of a tensor of that rank, times a factor for each index of an axis along which they do not vary.
  Result<Affine> times(std::vector<float> factors, size_t axis, size_t rank) const;

  const Shape& shape() const { return shape_; }
  const AffineTable& table() const { return *table_; }
  const std::vector<float>& scales() const { return table_->scales(); }
  const std::vector<int32_t>& zero_points() const { return table_->zero_points(); }  // as many as scales

  int64_t block() const { return block_; }

  bool is_per_tensor() const { return table_->size() == 1; }
  // The only axis along which the scales vary, if there is exactly one and each of its indices has a scale.
  std::optional<size_t> axis() const;
  // For each of the axis's `size` indices its scale or zero point; the first one where they do not vary along it. Requires that
  // the scales vary along no other axis and, along it, from index to index.
  std::vector<float> scales_along(size_t axis, int64_t size) const;
  std::vector<int32_t> zero_points_along(size_t axis, int64_t size) const;

  // Whether it broadcasts to a tensor of this shape and its zero points fit into this type.
  Status fits(DType dtype, const Shape& shape) const;
  // The position in scales() that serves the element at this flat (row-major) position of a tensor of that shape.
  size_t index_of(const Shape& tensor_shape, int64_t flat) const;
  // Calls visit(first, count, index) for every run of adjacent elements that share the position `index` in scales().
  template <class Visit>
  void for_each_run(const Shape& tensor_shape, Visit visit) const;

  bool operator==(const Affine& other) const { return shape_ == other.shape_ && block_ == other.block_ && (table_ == other.table_ || *table_ == *other.table_); }

 private:
  Affine(Shape shape, std::shared_ptr<const AffineTable> table, int64_t block) : shape_(std::move(shape)), table_(std::move(table)), block_(block) {}
  // How many adjacent indices of an axis of the tensor share a scale.
  int64_t run_along(size_t axis, int64_t size) const { return shape_[axis] == 1 ? size : shape_[axis] == size ? 1 : block_; }

  Shape shape_;
  std::shared_ptr<const AffineTable> table_;  // copies share it
  int64_t block_;
};

struct TensorType {
  DType dtype = DType::kFloat32;
  Shape shape;
  std::optional<Affine> affine;

  bool is_quantized() const { return affine.has_value(); }
  bool operator==(const TensorType&) const = default;
};

template <class Visit>
void Affine::for_each_run(const Shape& tensor_shape, Visit visit) const {
  const int64_t count = element_count(tensor_shape);
  if (is_per_tensor()) return visit(int64_t{0}, count, size_t{0});
  size_t axis = tensor_shape.size() - 1;  // the last one along which the scales vary
  int64_t inner = 1;
  for (; shape_[axis] == 1; --axis) inner *= tensor_shape[axis];
  const int64_t run = inner * run_along(axis, tensor_shape[axis]), all = inner * tensor_shape[axis];
  for (int64_t outer = 0; outer < count; outer += all) {
    size_t index = index_of(tensor_shape, outer);
    for (int64_t first = 0; first < all; first += run) visit(outer + first, std::min(run, all - first), index++);
  }
}

}  // namespace ht
