// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ht {

Status check_inputs(InferInputs inputs, size_t required, size_t optional) {
  if (inputs.size() < required || inputs.size() > required + optional)
    return input_error("has {} inputs and takes {}", inputs.size(),
                       optional == 0 ? fmt::format("{}", required) : fmt::format("{} to {}", required, required + optional));
  for (size_t i = 0; i < required; ++i)
    if (!inputs[i].type) return input_error("input {} is missing", i);
  return {};
}

Status check_same_dtype(InferInputs inputs) {
  const TensorType* first = nullptr;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].type) continue;
    if (!first) first = inputs[i].type;
    if (inputs[i].type->dtype != first->dtype)
      return input_error("input {} has the element type {}, the first one {}", i, dtype_name(inputs[i].type->dtype),
                         dtype_name(first->dtype));
  }
  return {};
}

Status check_float(InferInputs inputs) {
  HT_TRY(check_same_dtype(inputs));
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].type && !is_float(inputs[i].type->dtype))
      return unsupported("input {} has the element type {}; only floats can be computed", i, dtype_name(inputs[i].type->dtype));
  return {};
}

Status check_entries(std::string_view attribute, std::span<const int64_t> entries, size_t count, int64_t least, int64_t most) {
  if (entries.size() != count) return input_error("{} has {} entries and needs {}", attribute, entries.size(), count);
  for (int64_t entry : entries)
    if (entry < least || entry > most)
      return input_error("{} has the entry {}, which is not in {}..{}", attribute, entry, least, most);
  return {};
}

Status check_axis(int64_t axis, size_t rank) {
  if (axis < 0 || axis >= static_cast<int64_t>(rank)) return input_error("axis {} of a tensor with {} axes", axis, rank);
  return {};
}

Result<Types> one_output(DType dtype, Shape shape) {
  HT_TRY(checked_element_count(shape));
  return Types{TensorType{dtype, std::move(shape), std::nullopt}};
}

Result<Shape> broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    int64_t& size = result[i + offset];
    if (size != shorter[i] && size != 1 && shorter[i] != 1)
      return input_error("the shapes {} and {} do not broadcast", shape_text(a), shape_text(b));
    if (size == 1) size = shorter[i];
  }
  return result;
}

namespace {

template <class T>
T from_double(double x) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(x);
  } else {
    constexpr double kLeast = static_cast<double>(std::numeric_limits<T>::min());
    constexpr double kMost = static_cast<double>(std::numeric_limits<T>::max());
    if (std::isnan(x)) return 0;
    if (x <= kLeast) return std::numeric_limits<T>::min();
    return x >= kMost ? std::numeric_limits<T>::max() : static_cast<T>(x);
  }
}

template <class T>
void fill(Tensor& tensor, std::span<const int64_t> elements) {
  std::ranges::transform(elements, tensor.mutable_data<T>().begin(), [](int64_t x) { return static_cast<T>(x); });
}

template <class T>
void fill(Tensor& tensor, std::span<const double> elements) {
  std::ranges::transform(elements, tensor.mutable_data<T>().begin(), from_double<T>);
}

int64_t wrap_to_int4(int64_t x) { return ((x + 8) & 15) - 8; }
int64_t wrap_to_int4(double x) { return std::clamp<int64_t>(from_double<int64_t>(x), -8, 7); }
int64_t wrap_to_uint4(int64_t x) { return x & 15; }
int64_t wrap_to_uint4(double x) { return std::clamp<int64_t>(from_double<int64_t>(x), 0, 15); }

template <class From>
void store_any(Tensor& tensor, std::span<const From> elements) {
  auto bytes_from = [&](auto convert) { std::ranges::transform(elements, tensor.mutable_data<uint8_t>().begin(), convert); };
  switch (tensor.dtype()) {
    case DType::kFloat32:
      return fill<float>(tensor, elements);
    case DType::kFloat64:
      return fill<double>(tensor, elements);
    case DType::kFloat16:
      std::ranges::transform(elements, tensor.mutable_data<uint16_t>().begin(),
                             [](From x) { return float_to_half(static_cast<float>(x)); });
      return;
    case DType::kInt4:
      return bytes_from([](From x) { return static_cast<uint8_t>(wrap_to_int4(x)); });
    case DType::kUint4:
      return bytes_from([](From x) { return static_cast<uint8_t>(wrap_to_uint4(x)); });
    case DType::kBool:
      return bytes_from([](From x) { return static_cast<uint8_t>(x != 0); });
    case DType::kInt8:
      return fill<int8_t>(tensor, elements);
    case DType::kUint8:
      return fill<uint8_t>(tensor, elements);
    case DType::kInt16:
      return fill<int16_t>(tensor, elements);
    case DType::kUint16:
      return fill<uint16_t>(tensor, elements);
    case DType::kInt32:
      return fill<int32_t>(tensor, elements);
    case DType::kInt64:
      return fill<int64_t>(tensor, elements);
  }
}

template <class T>
void take_as(const Tensor& in, std::span<const int64_t> positions, Tensor& out) {
  const auto from = in.data<T>();
  const auto to = out.mutable_data<T>();
  for (size_t i = 0; i < positions.size(); ++i)
    if (positions[i] >= 0) to[i] = from[static_cast<size_t>(positions[i])];
}

}  // namespace

void store(Tensor& tensor, std::span<const int64_t> elements) { store_any(tensor, elements); }
void store(Tensor& tensor, std::span<const double> elements) { store_any(tensor, elements); }

std::vector<int64_t> gather_positions(const std::vector<std::vector<int64_t>>& terms) {
  std::vector<int64_t> positions = {0};
  for (const auto& axis : terms) {
    std::vector<int64_t> finer;
    finer.reserve(positions.size() * axis.size());
    for (int64_t position : positions)
      for (int64_t term : axis) finer.push_back(position < 0 || term < 0 ? -1 : position + term);
    positions = std::move(finer);
  }
  return positions;
}

std::vector<int64_t> broadcast_positions(const Shape& from, const Shape& to) {
  if (element_count(to) == 0) return {};
  const Shape strides = strides_of(from);
  const size_t offset = to.size() - from.size();
  std::vector<std::vector<int64_t>> terms(to.size());
  for (size_t axis = 0; axis < to.size(); ++axis) {
    const int64_t stride = axis < offset || from[axis - offset] == 1 ? 0 : strides[axis - offset];
    for (int64_t i = 0; i < to[axis]; ++i) terms[axis].push_back(i * stride);
  }
  return gather_positions(terms);
}

void take(const Tensor& in, std::span<const int64_t> positions, Tensor& out) {
  switch (dtype_size(in.dtype())) {
    case 1:
      return take_as<uint8_t>(in, positions, out);
    case 2:
      return take_as<uint16_t>(in, positions, out);
    case 4:
      return take_as<uint32_t>(in, positions, out);
    default:
      return take_as<uint64_t>(in, positions, out);
  }
}

Result<Windows> make_windows(const Shape& input, std::span<const int64_t> kernel, std::span<const int64_t> strides,
                             std::span<const int64_t> dilations, std::span<const int64_t> pads, bool ceil_mode) {
  if (input.size() < 3 || input.size() > 2 + Windows::kAxes)
    return unsupported("input 0 has the shape {}; one to three spatial axes are supported", shape_text(input));
  const size_t rank = input.size() - 2;
  HT_TRY(check_entries("kernel", kernel, rank, 1));
  HT_TRY(check_entries("strides", strides, rank, 1));
  HT_TRY(check_entries("dilations", dilations, rank, 1));
  HT_TRY(check_entries("pads", pads, 2 * rank, 0));
  Windows windows;
  for (size_t i = 0; i < rank; ++i) {
    Windows::Axis& axis = windows.axes[Windows::kAxes - rank + i];
    axis = {input[i + 2], 0, kernel[i], strides[i], dilations[i], pads[i], pads[rank + i]};
    if (axis.in > kMostAttribute) return unsupported("input 0 has the shape {}, which is too large", shape_text(input));
    const int64_t span = (axis.kernel - 1) * axis.dilation + 1, padded = axis.in + axis.pad_begin + axis.pad_end;
    if (span > kMostAttribute || padded > kMostAttribute)
      return unsupported("on spatial axis {} the window spans {} elements and the input has {} with its padding, which is too large", i, span, padded);
    const int64_t room = padded - span;
    if (room < 0)
      return input_error("the window spans {} elements of spatial axis {}, which has {} with its padding", span, i, room + span);
    axis.out = (ceil_mode ? (room + axis.stride - 1) / axis.stride : room / axis.stride) + 1;
    if (ceil_mode && (axis.out - 1) * axis.stride >= axis.in + axis.pad_begin) --axis.out;
  }
  return windows;
}

}  // namespace ht
