// SPDX-License-Identifier: Apache-2.0
// Products whose scales are known at run time only, as dynamic quantization makes them: whole numbers in floats, exact as long as
// their sums are below 2^24.
#include <algorithm>
#include <array>
#include <cmath>

#include "import/onnx/pieces.h"
#include "import/onnx/quantization.h"

namespace ht {
namespace {

constexpr double kExact = 0x1p24;
constexpr double kMostInteger = 255;  // of the difference of two 8-bit numbers
constexpr double kPart = 16;

// Integers less their zero points, as floats. Several zero points lie along the axis, counted from the last one as 1; 0 where there
// may be only one.
Result<ValueId> centred(ImportNode& node, size_t data, size_t zero_points, size_t axis_from_last, std::string_view suffix) {
  const TensorType type = node.type(data);
  if (type.is_quantized() || (type.dtype != DType::kInt8 && type.dtype != DType::kUint8))
    return input_error("its input {} must be 8-bit integers", data);
  HT_ASSIGN(const ValueId numbers, cast_step(node, node.input(data), DType::kFloat32, fmt::format("{}_numbers", suffix)));
  if (!node.has_input(zero_points)) return numbers;
  const TensorType points = node.type(zero_points);
  if (points.dtype != type.dtype || points.shape.size() > 1)
    return input_error("its zero points in input {} are of type {} and shape {}, which does not fit {}", zero_points,
                       dtype_name(points.dtype), shape_text(points.shape), dtype_name(type.dtype));
  HT_ASSIGN(ValueId offsets, cast_step(node, node.input(zero_points), DType::kFloat32, fmt::format("{}_zero_points", suffix)));
  const int64_t count = element_count(points.shape);
  if (count != 1) {
    const size_t rank = type.shape.size();
    if (axis_from_last == 0 || axis_from_last > rank || type.shape[rank - axis_from_last] != count)
      return input_error("its input {} has {} zero points, which fit no axis of {}", zero_points, count, shape_text(type.shape));
    Shape along(axis_from_last, 1);
    along[0] = count;
    HT_ASSIGN(offsets, reshape_step(node, offsets, along, fmt::format("{}_offsets", suffix)));
  }
  return binary_step(node, BinaryKind::kSub, numbers, offsets, fmt::format("{}_centred", suffix));
}

// The largest sum of absolute weights that one output adds up.
double most_weight(const Value& value, bool is_conv) {
  const Shape& shape = value.type.shape;
  const int64_t outputs = is_conv ? shape[0] : shape.back();
  const int64_t taps = is_conv ? element_count(shape) / std::max<int64_t>(1, outputs)
                               : shape[shape.size() - std::min<size_t>(2, shape.size())];
  if (!value.constant) return static_cast<double>(taps) * kMostInteger;
  const auto numbers = value.constant->to_doubles();
  if (!is_conv && shape.size() != 2) {
    double largest = 0;
    for (double x : numbers) largest = std::max(largest, std::abs(x));
    return static_cast<double>(taps) * largest;
  }
  std::vector<double> sums(static_cast<size_t>(outputs), 0.0);
  for (size_t i = 0; i < numbers.size(); ++i)
    sums[is_conv ? i / static_cast<size_t>(taps) : i % static_cast<size_t>(outputs)] += std::abs(numbers[i]);
  return sums.empty() ? 0 : *std::ranges::max_element(sums);
}

// Emits the product of whole numbers x with weights as i32. Where its sums could leave what floats hold, x is taken apart into
// sixteenths and the rest.
Status emit_product(ImportNode& node, ValueId x, ValueId weights, const Op& product) {
  const double most = most_weight(node.builder().value(weights), std::holds_alternative<Conv>(product));
  if (most * kMostInteger < kExact) {
    HT_ASSIGN(const ValueId sum, node.intermediate(product, {x, weights}, "sum"));
    return node.emit(Cast{DType::kInt32}, {sum});
  }
  if (most * kPart >= kExact)
    return unsupported("adds up so many products that their sums may exceed 2^28; split it, or quantize statically");
  const ValueId part = scalar_beside(node, DType::kFloat32, kPart, "part");
  HT_ASSIGN(const ValueId ratio, binary_step(node, BinaryKind::kDiv, x, part, "ratio"));
  HT_ASSIGN(const ValueId high, unary_step(node, UnaryKind::kFloor, ratio, "high"));
  HT_ASSIGN(const ValueId taken, binary_step(node, BinaryKind::kMul, high, part, "taken"));
  HT_ASSIGN(const ValueId low, binary_step(node, BinaryKind::kSub, x, taken, "low"));
  std::array<ValueId, 2> sums = {high, low};
  for (size_t i = 0; i < sums.size(); ++i) {
    HT_ASSIGN(const ValueId sum, node.intermediate(product, {sums[i], weights}, i == 0 ? "high_sum" : "low_sum"));
    HT_ASSIGN(sums[i], cast_step(node, sum, DType::kInt32, i == 0 ? "high_integers" : "low_integers"));
  }
  const ValueId factor = scalar_beside(node, DType::kInt32, kPart, "factor");
  HT_ASSIGN(const ValueId scaled, binary_step(node, BinaryKind::kMul, sums[0], factor, "high_scaled"));
  return node.emit(Binary{BinaryKind::kAdd}, {scaled, sums[1]});
}

}  // namespace

// The range of x with 0 in it, in 255 steps.
Status import_dynamic_quantize(ImportNode& node) {
  const ValueId x = node.input(0);
  if (node.type(0).dtype != DType::kFloat32 || node.shape(0).empty())
    return input_error("its input is {} of shape {}; it must be floats with axes", dtype_name(node.type(0).dtype), shape_text(node.shape(0)));
  Ints axes;
  for (size_t axis = 0; axis < node.shape(0).size(); ++axis) axes.push_back(static_cast<int64_t>(axis));
  const auto number = [&](double value, std::string_view suffix) { return scalar_beside(node, DType::kFloat32, value, suffix); };
  const ValueId zero = number(0, "zero"), steps = number(255, "steps");
  HT_ASSIGN(const ValueId most, node.intermediate(Reduce{ReduceKind::kMax, axes, false}, {x}, "most"));
  HT_ASSIGN(const ValueId high, binary_step(node, BinaryKind::kMax, most, zero, "high"));
  HT_ASSIGN(const ValueId least, node.intermediate(Reduce{ReduceKind::kMin, axes, false}, {x}, "least"));
  HT_ASSIGN(const ValueId low, binary_step(node, BinaryKind::kMin, least, zero, "low"));
  HT_ASSIGN(const ValueId range, binary_step(node, BinaryKind::kSub, high, low, "range"));
  HT_ASSIGN(const ValueId step, binary_step(node, BinaryKind::kDiv, range, steps, "step"));
  HT_ASSIGN(const ValueId is_zero, binary_step(node, BinaryKind::kEqual, step, zero, "is_zero"));
  HT_ASSIGN(const ValueId scale, node.intermediate(Where{}, {is_zero, number(1, "one"), step}, "scale"));
  HT_ASSIGN(const ValueId below, binary_step(node, BinaryKind::kDiv, low, scale, "below"));
  HT_ASSIGN(const ValueId above, unary_step(node, UnaryKind::kNeg, below, "above"));
  HT_ASSIGN(const ValueId offset, unary_step(node, UnaryKind::kRound, above, "offset"));
  HT_ASSIGN(const ValueId ratio, binary_step(node, BinaryKind::kDiv, x, scale, "ratio"));
  HT_ASSIGN(const ValueId whole, unary_step(node, UnaryKind::kRound, ratio, "whole"));
  HT_ASSIGN(const ValueId shifted, binary_step(node, BinaryKind::kAdd, whole, offset, "shifted"));
  HT_ASSIGN(const ValueId clamped, node.intermediate(Unary{UnaryKind::kClip, 0, 255}, {shifted}, "clamped"));
  HT_TRY(node.emit(Cast{DType::kUint8}, {clamped}, 0));
  HT_TRY(node.emit(Reshape{{}}, {scale}, 1));
  return node.emit(Cast{DType::kUint8}, {offset}, 2);
}

Status import_conv_integer(ImportNode& node) {
  HT_ASSIGN(const ValueId x, centred(node, 0, 2, 0, "x"));
  HT_ASSIGN(const ValueId weights, centred(node, 1, 3, node.shape(1).size(), "weights"));
  HT_ASSIGN(const Conv conv, read_conv(node));
  return emit_product(node, x, weights, conv);
}

Status import_matmul_integer(ImportNode& node) {
  HT_ASSIGN(const ValueId a, centred(node, 0, 2, 2, "a"));
  HT_ASSIGN(const ValueId b, centred(node, 1, 3, 1, "b"));
  if (node.shape(0).size() < 2 || node.shape(1).size() < 2)
    return unsupported("multiplies by a vector; give both operands two axes or more");
  return emit_product(node, a, b, MatMul{});
}

}  // namespace ht
