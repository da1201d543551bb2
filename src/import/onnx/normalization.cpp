// SPDX-License-Identifier: Apache-2.0
// Normalizations: the statistics are one operator, scales and offsets are ordinary products and sums.
#include <algorithm>
#include <limits>

#include "import/onnx/pieces.h"
#include "import/onnx/table.h"

namespace ht {
namespace {

// A parameter a channel, shaped to broadcast to [N, C, spatial...].
Result<ValueId> along_channels(ImportNode& node, ValueId parameter, size_t rank, std::string_view suffix) {
  Shape shape(rank - 1, 1);
  shape[0] = element_count(node.builder().value(parameter).type.shape);
  return reshape_step(node, parameter, std::move(shape), suffix);
}

bool is_all(const ImportNode& node, size_t input, float number) {
  if (!node.has_input(input)) return true;
  if (!node.is_constant(input)) return false;
  const auto elements = node.constant(input, "parameters")->to_floats();
  return std::ranges::all_of(elements, [&](float element) { return element == number; });
}

// Whether scale and bias, which are inputs 1 and 2, change nothing.
bool is_neutral(const ImportNode& node) { return is_all(node, 1, 1) && is_all(node, 2, 0); }

// x * scale + bias is the node's output.
Status emit_affine(ImportNode& node, ValueId x, ValueId scale, ValueId bias) {
  if (!bias.valid()) return node.emit(Binary{BinaryKind::kMul}, {x, scale});
  HT_ASSIGN(const ValueId scaled, binary_step(node, BinaryKind::kMul, x, scale, "scaled"));
  return node.emit(Binary{BinaryKind::kAdd}, {scaled, bias});
}

// Normalizes each of `groups` runs of channels of the first input over its elements.
Result<ValueId> normalize_groups(ImportNode& node, int64_t groups) {
  const Shape shape = node.shape(0);
  const int64_t rows = shape[0] * groups, count = element_count(shape);
  if (count == 0) return unsupported("normalizes a tensor without elements");
  HT_ASSIGN(const ValueId flat, reshape_step(node, node.input(0), {shape[0], groups, count / rows}, "flat"));
  const Normalize normalize{2, node.number("epsilon", 1e-5f), true};
  HT_ASSIGN(const ValueId normalized, node.intermediate(normalize, {flat}, "normalized"));
  return reshape_step(node, normalized, shape, "shaped");
}

Status check_parameters(const ImportNode& node, int64_t count) {
  for (size_t i = 1; i < 3; ++i)
    if (node.shape(i) != Shape{count})
      return input_error("its input {} has the shape {} and needs [{}]", i, shape_text(node.shape(i)), count);
  return {};
}

// The optional outputs of LayerNormalization.
Status emit_statistics(ImportNode& node, int64_t axis, float epsilon) {
  if (!node.wants_output(1) && !node.wants_output(2)) return {};
  Ints axes;
  for (int64_t i = axis; i < static_cast<int64_t>(node.shape(0).size()); ++i) axes.push_back(i);
  const ValueId x = node.input(0);
  const Reduce mean{ReduceKind::kMean, axes, true};
  HT_TRY(node.emit(mean, {x}, 1));
  if (!node.wants_output(2)) return {};
  HT_ASSIGN(const ValueId middle, node.intermediate(mean, {x}, "middle"));
  HT_ASSIGN(const ValueId centered, binary_step(node, BinaryKind::kSub, x, middle, "centered"));
  HT_ASSIGN(const ValueId squares, binary_step(node, BinaryKind::kMul, centered, centered, "squares"));
  HT_ASSIGN(const ValueId variance, node.intermediate(mean, {squares}, "variance"));
  const ValueId small = scalar_beside(node, DType::kFloat32, epsilon, "epsilon");
  HT_ASSIGN(const ValueId sum, binary_step(node, BinaryKind::kAdd, variance, small, "sum"));
  HT_ASSIGN(const ValueId deviation, unary_step(node, UnaryKind::kSqrt, sum, "deviation"));
  return node.emit(Unary{UnaryKind::kReciprocal, 0, 0}, {deviation}, 2);
}

Status normalize_tail(ImportNode& node, bool subtract_mean) {
  const Shape shape = node.shape(0);
  HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", -1), shape.size()));
  const float epsilon = node.number("epsilon", 1e-5f);
  node.ignore("stash_type");  // the type of the statistics: f32 here
  HT_TRY(emit_statistics(node, axis, epsilon));
  HT_ASSIGN(const ValueId normalized, node.intermediate(Normalize{axis, epsilon, subtract_mean}, {node.input(0)}, "normalized"));
  return emit_affine(node, normalized, node.input(1), node.input(2));
}

}  // namespace

Status import_instance_normalization(ImportNode& node) {
  const Shape shape = node.shape(0);
  if (shape.size() < 2) return input_error("its input has the shape {} and no channels", shape_text(shape));
  HT_TRY(check_parameters(node, shape[1]));
  // What files of Halftone have for a normalization of rows.
  if (shape.size() == 3 && is_neutral(node)) return node.emit(Normalize{2, node.number("epsilon", 1e-5f), true}, {node.input(0)});
  HT_ASSIGN(const ValueId normalized, normalize_groups(node, shape[1]));
  HT_ASSIGN(const ValueId scale, along_channels(node, node.input(1), shape.size(), "scale"));
  HT_ASSIGN(const ValueId bias, along_channels(node, node.input(2), shape.size(), "bias"));
  return emit_affine(node, normalized, scale, bias);
}

Status import_group_normalization(ImportNode& node) {
  const Shape shape = node.shape(0);
  if (shape.size() < 2) return input_error("its input has the shape {} and no channels", shape_text(shape));
  const int64_t groups = node.integer("num_groups", 0);
  if (groups < 1 || shape[1] % groups != 0)
    return node.wrong_attribute("num_groups", fmt::format("is {}, which does not divide {} channels", groups, shape[1]));
  if (node.opset() >= 21) node.ignore("stash_type");
  // Up to opset 20 the parameters are one a group.
  const bool by_group = node.opset() < 21;
  HT_TRY(check_parameters(node, by_group ? groups : shape[1]));
  HT_ASSIGN(const ValueId normalized, normalize_groups(node, groups));
  std::array<ValueId, 2> parameters = {node.input(1), node.input(2)};
  for (ValueId& parameter : parameters) {
    if (by_group) {
      HT_ASSIGN(parameter, reshape_step(node, parameter, {groups, 1}, "groups"));
      HT_ASSIGN(parameter, node.intermediate(Expand{{groups, shape[1] / groups}}, {parameter}, "spread"));
    }
    HT_ASSIGN(parameter, along_channels(node, parameter, shape.size(), "channels"));
  }
  return emit_affine(node, normalized, parameters[0], parameters[1]);
}

Status import_layer_normalization(ImportNode& node) { return normalize_tail(node, true); }

Status import_rms_normalization(ImportNode& node) { return normalize_tail(node, false); }

Status import_lp_normalization(ImportNode& node) {
  HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", -1), node.shape(0).size()));
  const int64_t p = node.integer("p", 2);
  if (p != 1 && p != 2) return node.wrong_attribute("p", "must be 1 or 2");
  const Reduce reduce{p == 1 ? ReduceKind::kL1 : ReduceKind::kL2, {axis}, true};
  HT_ASSIGN(const ValueId norm, node.intermediate(reduce, {node.input(0)}, "norm"));
  // A row of zeros stays one.
  const ValueId zero = scalar_beside(node, DType::kFloat32, 0, "zero"), one = scalar_beside(node, DType::kFloat32, 1, "one");
  HT_ASSIGN(const ValueId is_zero, binary_step(node, BinaryKind::kEqual, norm, zero, "is_zero"));
  HT_ASSIGN(const ValueId divisor, node.intermediate(Where{}, {is_zero, one, norm}, "divisor"));
  return node.emit(Binary{BinaryKind::kDiv}, {node.input(0), divisor});
}

Status import_mean_variance_normalization(ImportNode& node) {
  constexpr double kLeastDeviation = 1e-9;  // what ONNX adds to it
  HT_ASSIGN(Ints axes, resolve_axes(node.integers("axes", {0, 2, 3}), node.shape(0).size()));
  std::ranges::sort(axes);
  const Reduce mean{ReduceKind::kMean, axes, true};
  HT_ASSIGN(const ValueId middle, node.intermediate(mean, {node.input(0)}, "mean"));
  HT_ASSIGN(const ValueId centered, binary_step(node, BinaryKind::kSub, node.input(0), middle, "centered"));
  HT_ASSIGN(const ValueId squares, binary_step(node, BinaryKind::kMul, centered, centered, "squares"));
  HT_ASSIGN(const ValueId variance, node.intermediate(mean, {squares}, "variance"));
  HT_ASSIGN(const ValueId deviation, unary_step(node, UnaryKind::kSqrt, variance, "deviation"));
  const ValueId least = scalar_beside(node, DType::kFloat32, kLeastDeviation, "least");
  HT_ASSIGN(const ValueId divisor, binary_step(node, BinaryKind::kAdd, deviation, least, "divisor"));
  return node.emit(Binary{BinaryKind::kDiv}, {centered, divisor});
}

// x / (bias + alpha / size * the sum of squares over `size` neighbouring channels) ^ beta. Channels become an axis of windows.
Status import_lrn(ImportNode& node) {
  const Shape shape = node.shape(0);
  const int64_t size = node.integer("size", 0);
  const float alpha = node.number("alpha", 1e-4f), beta = node.number("beta", 0.75f), bias = node.number("bias", 1);
  if (shape.size() < 2) return input_error("its input has the shape {} and no channels", shape_text(shape));
  if (size < 1 || size > 65536) return node.wrong_attribute("size", "must be a positive number");
  const int64_t plane = element_count(Shape(shape.begin() + 2, shape.end()));
  const int64_t before = (size - 1) / 2;
  HT_ASSIGN(const ValueId squares, binary_step(node, BinaryKind::kMul, node.input(0), node.input(0), "squares"));
  HT_ASSIGN(const ValueId rows, reshape_step(node, squares, {shape[0], 1, shape[1], plane}, "rows"));
  const Pool pool{PoolKind::kAverage, {size, 1}, {1, 1}, {1, 1}, {before, 0, size - 1 - before, 0}, false, true, false};
  HT_ASSIGN(const ValueId means, node.intermediate(pool, {rows}, "means"));
  HT_ASSIGN(const ValueId shaped, reshape_step(node, means, shape, "shaped"));
  const auto number = [&](float value, std::string_view suffix) { return scalar_beside(node, DType::kFloat32, value, suffix); };
  HT_ASSIGN(const ValueId scaled, binary_step(node, BinaryKind::kMul, shaped, number(alpha, "alpha"), "scaled"));
  HT_ASSIGN(const ValueId sum, binary_step(node, BinaryKind::kAdd, scaled, number(bias, "bias"), "sum"));
  HT_ASSIGN(const ValueId power, binary_step(node, BinaryKind::kPow, sum, number(beta, "beta"), "power"));
  return node.emit(Binary{BinaryKind::kDiv}, {node.input(0), power});
}

}  // namespace ht
