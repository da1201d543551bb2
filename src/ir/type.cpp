// SPDX-License-Identifier: Apache-2.0
#include "ir/type.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/checked.h"

namespace ht {
namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  int64_t size;
};

constexpr std::array kDTypes = {
    DTypeRow{DType::kFloat32, "f32", 4}, DTypeRow{DType::kFloat16, "f16", 2}, DTypeRow{DType::kFloat64, "f64", 8},
    DTypeRow{DType::kInt4, "i4", 1},     DTypeRow{DType::kUint4, "u4", 1},    DTypeRow{DType::kInt8, "i8", 1},
    DTypeRow{DType::kUint8, "u8", 1},    DTypeRow{DType::kInt16, "i16", 2},   DTypeRow{DType::kUint16, "u16", 2},
    DTypeRow{DType::kInt32, "i32", 4},   DTypeRow{DType::kInt64, "i64", 8},   DTypeRow{DType::kBool, "bool", 1},
};

}  // namespace

std::string_view dtype_name(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].name; }
int64_t dtype_size(DType dtype) { return kDTypes[static_cast<size_t>(dtype)].size; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeRow& row : kDTypes)
    if (row.name == name) return row.dtype;
  return std::nullopt;
}

bool is_float(DType dtype) { return dtype == DType::kFloat32 || dtype == DType::kFloat16 || dtype == DType::kFloat64; }
bool is_integer(DType dtype) { return !is_float(dtype) && dtype != DType::kBool; }

IntegerRange integer_range(DType dtype) {
  switch (dtype) {
    case DType::kInt4: return {-8, 7};
    case DType::kUint4: return {0, 15};
    case DType::kInt8: return {-128, 127};
    case DType::kUint8: return {0, 255};
    case DType::kInt16: return {-32768, 32767};
    case DType::kUint16: return {0, 65535};
    case DType::kInt32: return {INT32_MIN, INT32_MAX};
    case DType::kInt64: return {INT64_MIN, INT64_MAX};
    case DType::kBool: return {0, 1};
    case DType::kFloat32:
    case DType::kFloat16:
    case DType::kFloat64: break;
  }
  return {0, 0};
}

std::string shape_text(const Shape& shape) { return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x")); }

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return count;
}

Result<int64_t> checked_element_count(const Shape& shape) {
  constexpr int64_t kMost = int64_t{1} << 34;
  const auto count = checked_product(shape);
  if (!count || *count > kMost) return input_error("the shape {} is negative or too large", shape_text(shape));
  return *count;
}

Shape strides_of(const Shape& shape) {
  Shape strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

AffineTable::AffineTable(std::vector<float> scales, std::vector<int32_t> zero_points, std::vector<float> factors, size_t inner)
    : base_{std::move(scales), std::move(zero_points)}, factors_(std::move(factors)), inner_(inner) {}

const AffineTable::Numbers& AffineTable::whole() const {
  if (factors_.size() == 1 && factors_[0] == 1) return base_;
  std::call_once(once_, [this] {
    for (size_t i = 0; i < size(); ++i) {
      whole_.scales.push_back(scale(place_of(i)));
      whole_.zero_points.push_back(zero_point(place_of(i)));
    }
  });
  return whole_;
}

bool AffineTable::operator==(const AffineTable& other) const {
  if (base_ == other.base_ && factors_ == other.factors_ && inner_ == other.inner_) return true;
  return size() == other.size() && whole() == other.whole();
}

Result<Affine> Affine::per_tensor(float scale, int32_t zero_point) { return make({}, {scale}, {zero_point}); }

Result<Affine> Affine::per_axis(std::vector<float> scales, std::vector<int32_t> zero_points, size_t axis, size_t rank) {
  if (axis >= rank) return input_error("quantization axis {} of a tensor with {} axes", axis, rank);
  Shape shape(rank, 1);
  shape[axis] = static_cast<int64_t>(scales.size());
  return make(std::move(shape), std::move(scales), std::move(zero_points));
}

Result<Affine> Affine::make(Shape shape, std::vector<float> scales, std::vector<int32_t> zero_points, int64_t block) {
  HT_ASSIGN(const int64_t count, checked_element_count(shape));
  if (count != static_cast<int64_t>(scales.size()) || scales.empty())
    return input_error("{} scales for the shape {}", scales.size(), shape_text(shape));
  if (zero_points.empty()) zero_points.assign(scales.size(), 0);
  if (zero_points.size() != scales.size())
    return input_error("{} zero points for {} scales", zero_points.size(), scales.size());
  for (float scale : scales)
    if (!std::isnormal(scale) || scale < 0) return input_error("a scale is {}; scales must be positive, finite and normal", scale);
  if (block != 0 && (block < 2 || count == 1)) return input_error("a block of {} elements for {} scales", block, count);
  if (count == 1) shape.clear();
  return Affine(std::move(shape), std::make_shared<const AffineTable>(std::move(scales), std::move(zero_points)), block);
}

Result<Affine> Affine::times(std::vector<float> factors, size_t axis, size_t rank) const {
  Shape shape = is_per_tensor() ? Shape(rank, 1) : shape_;
  if (axis >= shape.size() || shape[axis] != 1 || factors.empty())
    return input_error("{} factors along axis {} of scales of shape {}", factors.size(), axis, shape_text(shape));
  shape[axis] = static_cast<int64_t>(factors.size());
  HT_TRY(checked_element_count(shape));
  // A product grows with both, so that the least and the greatest speak for all.
  const auto [least, most] = std::ranges::minmax(scales());
  for (float factor : factors)
    for (float scale : {least * factor, most * factor})
      if (!std::isnormal(scale) || scale < 0) return input_error("a scale is {}; scales must be positive, finite and normal", scale);
  const auto inner = static_cast<size_t>(element_count({shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, shape.end()}));
  return Affine(std::move(shape), std::make_shared<const AffineTable>(scales(), zero_points(), std::move(factors), inner), block_);
}

std::optional<size_t> Affine::axis() const {
  if (block_ != 0) return std::nullopt;
  std::optional<size_t> found;
  for (size_t axis = 0; axis < shape_.size(); ++axis) {
    if (shape_[axis] == 1) continue;
    if (found) return std::nullopt;
    found = axis;
  }
  return found;
}

namespace {

template <class T>
std::vector<T> spread(const std::vector<T>& values, const Shape& shape, size_t axis, int64_t size) {
  if (axis >= shape.size() || shape[axis] == 1) return std::vector<T>(static_cast<size_t>(size), values.front());
  return values;
}

}  // namespace

std::vector<float> Affine::scales_along(size_t axis, int64_t size) const { return spread(scales(), shape_, axis, size); }
std::vector<int32_t> Affine::zero_points_along(size_t axis, int64_t size) const { return spread(zero_points(), shape_, axis, size); }

Status Affine::fits(DType dtype, const Shape& shape) const {
  if (!is_integer(dtype)) return input_error("a tensor of type {} cannot have scales", dtype_name(dtype));
  const IntegerRange range = integer_range(dtype);
  for (int32_t zero_point : table_->base_zero_points())
    if (zero_point < range.min || zero_point > range.max)
      return input_error("zero point {} is outside the type {}", zero_point, dtype_name(dtype));
  if (shape_.empty()) return {};
  if (shape_.size() != shape.size())
    return input_error("scales of shape {} for a tensor of shape {}", shape_text(shape_), shape_text(shape));
  int64_t blocked = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape_[axis] == 1 || shape_[axis] == shape[axis]) continue;
    ++blocked;
    if (block_ == 0 || shape_[axis] != shape[axis] / block_ + (shape[axis] % block_ != 0))
      return input_error("scales of shape {} for a tensor of shape {}", shape_text(shape_), shape_text(shape));
  }
  if (blocked != (block_ != 0))
    return input_error("scales of shape {} in blocks of {} for a tensor of shape {}", shape_text(shape_), block_, shape_text(shape));
  return {};
}

size_t Affine::index_of(const Shape& tensor_shape, int64_t flat) const {
  if (shape_.empty()) return 0;
  int64_t index = 0, stride = 1;
  for (size_t axis = shape_.size(); axis-- > 0;) {
    const int64_t position = flat % tensor_shape[axis];
    flat /= tensor_shape[axis];
    index += position / run_along(axis, tensor_shape[axis]) * stride;
    stride *= shape_[axis];
  }
  return static_cast<size_t>(index);
}

}  // namespace ht
