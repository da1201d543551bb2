// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <limits>

#include "import/onnx/pieces.h"
#include "import/onnx/table.h"
#include "import/onnx/tensor_data.h"

namespace ht {
namespace {

// ONNX's defaults of the attributes that some functions have.
struct UnaryDefaults {
  UnaryKind kind;
  std::string_view alpha_name, beta_name;
  float alpha, beta;
};
constexpr std::array kUnaryDefaults = {
    UnaryDefaults{UnaryKind::kLeakyRelu, "alpha", "", 0.01f, 0},
    UnaryDefaults{UnaryKind::kHardSigmoid, "alpha", "beta", 0.2f, 0.5f},
    UnaryDefaults{UnaryKind::kElu, "alpha", "", 1, 0},
    UnaryDefaults{UnaryKind::kCelu, "alpha", "", 1, 0},
    UnaryDefaults{UnaryKind::kSelu, "alpha", "gamma", 1.67326319217681884765625f, 1.05070102214813232421875f},
};

// The enumerator that has this name; the tables hold only names that the enumeration has too.
template <class Kind, size_t N>
Result<Kind> kind_named(std::string_view name, const std::array<std::string_view, N>& names) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return unsupported("{} is not an operator that Halftone computes", name);
  return static_cast<Kind>(found - names.begin());
}

Unary clip(float low, float high) { return {UnaryKind::kClip, low, high}; }

}  // namespace

Status import_unary(ImportNode& node) {
  HT_ASSIGN(const auto kind, kind_named<UnaryKind>(node.op_type(), kUnaryNames));
  // Files of older opsets have no Relu of integers.
  if (kind == UnaryKind::kRelu && is_integer(element_of(node, 0)))
    return node.emit(Binary{BinaryKind::kMax}, {node.input(0), scalar_beside(node, element_of(node, 0), 0, "zero")});
  Unary unary{kind, 0, 0};
  const auto defaults = std::ranges::find(kUnaryDefaults, kind, &UnaryDefaults::kind);
  if (defaults != kUnaryDefaults.end()) {
    unary.alpha = node.number(defaults->alpha_name, defaults->alpha);
    if (!defaults->beta_name.empty()) unary.beta = node.number(defaults->beta_name, defaults->beta);
  }
  return node.emit(unary, {node.input(0)});
}

Status import_binary(ImportNode& node) {
  HT_ASSIGN(const auto kind, kind_named<BinaryKind>(node.op_type(), kBinaryNames));
  return node.emit(Binary{kind}, {node.input(0), node.input(1)});
}

Status import_variadic(ImportNode& node) {
  const bool is_mean = node.op_type() == "Mean";
  const BinaryKind kind = node.op_type() == "Max"   ? BinaryKind::kMax
                          : node.op_type() == "Min" ? BinaryKind::kMin
                                                    : BinaryKind::kAdd;
  const size_t count = node.input_count();
  for (size_t i = 0; i < count; ++i)
    if (!node.has_input(i)) return input_error("its input {} is missing", i);
  if (count == 1) {
    node.forward(node.operand(0));
    return {};
  }
  ValueId sum = node.input(0);
  for (size_t i = 1; i < count; ++i) {
    if (i + 1 == count && !is_mean) return node.emit(Binary{kind}, {sum, node.input(i)});
    HT_ASSIGN(sum, node.intermediate(Binary{kind}, {sum, node.input(i)}, fmt::format("part_{}", i)));
  }
  const float share = 1 / static_cast<float>(count);
  return node.emit(Binary{BinaryKind::kMul}, {sum, node.constant_beside(Tensor::of_floats({}, std::span(&share, 1)), "share")});
}

Status import_gelu(ImportNode& node) {
  const std::string approximate = node.text("approximate", "none");
  if (approximate != "none" && approximate != "tanh") return node.wrong_attribute("approximate", "must be 'none' or 'tanh'");
  return node.emit(Unary{approximate == "tanh" ? UnaryKind::kGeluTanh : UnaryKind::kGelu, 0, 0}, {node.input(0)});
}

Status import_swish(ImportNode& node) {
  const float alpha = node.number("alpha", 1);
  if (alpha == 1) return node.emit(Unary{UnaryKind::kSilu, 0, 0}, {node.input(0)});
  const ValueId factor = node.constant_beside(Tensor::of_floats({}, std::span(&alpha, 1)), "alpha");
  HT_ASSIGN(const ValueId scaled, node.intermediate(Binary{BinaryKind::kMul}, {node.input(0), factor}, "scaled"));
  HT_ASSIGN(const ValueId gate, node.intermediate(Unary{UnaryKind::kSigmoid, 0, 0}, {scaled}, "gate"));
  return node.emit(Binary{BinaryKind::kMul}, {node.input(0), gate});
}

Status import_mod(ImportNode& node) {
  return node.emit(Binary{node.flag("fmod") ? BinaryKind::kFmod : BinaryKind::kMod}, {node.input(0), node.input(1)});
}

Status import_clip_6(ImportNode& node) {
  const float low = node.number("min", std::numeric_limits<float>::lowest());
  return node.emit(clip(low, node.number("max", std::numeric_limits<float>::max())), {node.input(0)});
}

Status import_clip_11(ImportNode& node) {
  // Bounds of integers are integers, which floats need not hold.
  const bool is_dynamic = is_integer(element_of(node, 0)) || (node.has_input(1) && !node.is_constant(1)) ||
                          (node.has_input(2) && !node.is_constant(2));
  if (!is_dynamic || node.input_count() == 1) {
    float low = std::numeric_limits<float>::lowest(), high = std::numeric_limits<float>::max();
    if (node.has_input(1)) {
      HT_ASSIGN(low, node.constant_float(1, "lower bound"));
    }
    if (node.has_input(2)) {
      HT_ASSIGN(high, node.constant_float(2, "upper bound"));
    }
    return node.emit(clip(low, high), {node.input(0)});
  }
  if (!node.has_input(2)) return node.emit(Binary{BinaryKind::kMax}, {node.input(0), node.input(1)});
  ValueId bounded = node.input(0);
  if (node.has_input(1)) {
    HT_ASSIGN(bounded, node.intermediate(Binary{BinaryKind::kMax}, {bounded, node.input(1)}, "bounded"));
  }
  return node.emit(Binary{BinaryKind::kMin}, {bounded, node.input(2)});
}

Status import_pow(ImportNode& node) {
  const DType base = element_of(node, 0), exponent = element_of(node, 1);
  const bool in_float = is_float(base) || is_float(exponent);
  const DType type = in_float ? DType::kFloat32 : base;
  HT_ASSIGN(const ValueId x, cast_step(node, node.input(0), type, "base"));
  HT_ASSIGN(const ValueId y, cast_step(node, node.input(1), type, "exponent"));
  if (type == base) return node.emit(Binary{BinaryKind::kPow}, {x, y});
  HT_ASSIGN(const ValueId power, binary_step(node, BinaryKind::kPow, x, y, "power"));
  return node.emit(Cast{base}, {power});
}

Status import_is_nan(ImportNode& node) {
  HT_ASSIGN(const ValueId equal, binary_step(node, BinaryKind::kEqual, node.input(0), node.input(0), "is_number"));
  return node.emit(Unary{UnaryKind::kNot, 0, 0}, {equal});
}

Status import_is_inf(ImportNode& node) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const bool negative = node.flag("detect_negative", true), positive = node.flag("detect_positive", true);
  ValueId x = node.input(0);
  // Nothing is less than itself.
  if (!negative && !positive) return node.emit(Binary{BinaryKind::kLess}, {x, x});
  if (negative && positive) {
    HT_ASSIGN(x, unary_step(node, UnaryKind::kAbs, x, "size"));
  }
  const ValueId infinity = scalar_beside(node, DType::kFloat32, positive ? kInfinity : -kInfinity, "infinity");
  return node.emit(Binary{BinaryKind::kEqual}, {x, infinity});
}

Status import_thresholded_relu(ImportNode& node) {
  const ValueId threshold = scalar_beside(node, DType::kFloat32, node.number("alpha", 1), "alpha");
  HT_ASSIGN(const ValueId is_above, binary_step(node, BinaryKind::kGreater, node.input(0), threshold, "is_above"));
  return node.emit(Where{}, {is_above, node.input(0), scalar_beside(node, DType::kFloat32, 0, "zero")});
}

// x + bias below -lambd, x - bias above lambd, 0 between them.
Status import_shrink(ImportNode& node) {
  const float lambda = node.number("lambd", 0.5f), bias = node.number("bias", 0);
  const ValueId x = node.input(0);
  const auto number = [&](double value, std::string_view suffix) { return scalar_beside(node, DType::kFloat32, value, suffix); };
  const ValueId offset = number(bias, "bias");
  HT_ASSIGN(const ValueId is_above, binary_step(node, BinaryKind::kGreater, x, number(lambda, "most"), "is_above"));
  HT_ASSIGN(const ValueId lowered, binary_step(node, BinaryKind::kSub, x, offset, "lowered"));
  HT_ASSIGN(const ValueId upper, node.intermediate(Where{}, {is_above, lowered, number(0, "zero")}, "upper"));
  HT_ASSIGN(const ValueId is_below, binary_step(node, BinaryKind::kLess, x, number(-lambda, "least"), "is_below"));
  HT_ASSIGN(const ValueId raised, binary_step(node, BinaryKind::kAdd, x, offset, "raised"));
  return node.emit(Where{}, {is_below, raised, upper});
}

Status import_where(ImportNode& node) { return node.emit(Where{}, {node.input(0), node.input(1), node.input(2)}); }

Status import_cast(ImportNode& node) {
  if (!node.has_attribute("to")) return input_error("has no attribute 'to', which says the new type");
  const int64_t code = node.integer("to", 0);
  if (node.opset() >= 19) node.ignore("saturate");    // concerns 8-bit floats only
  if (node.opset() >= 24) node.ignore("round_mode");  // the same
  const auto to = code < 0 || code > INT32_MAX ? std::nullopt : element_type(static_cast<int32_t>(code));
  if (!to) return unsupported("casts to the element type with ONNX's number {}, which Halftone does not know", code);
  // A cast between float types changes nothing here, where they all are f32.
  if (node.type(0).dtype == *to && !node.type(0).is_quantized()) {
    node.forward(node.operand(0));
    return {};
  }
  return node.emit(Cast{*to}, {node.input(0)});
}

Status import_cast_like(ImportNode& node) {
  if (node.opset() >= 19) node.ignore("saturate");
  if (node.opset() >= 24) node.ignore("round_mode");
  const TensorType like = node.type(1);
  const DType to = like.is_quantized() ? DType::kFloat32 : like.dtype;
  if (node.type(0).dtype == to) {
    node.forward(node.operand(0));
    return {};
  }
  return node.emit(Cast{to}, {node.input(0)});
}

}  // namespace ht
