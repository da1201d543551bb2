// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/quantization.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "import/onnx/pieces.h"
#include "import/onnx/tensor_data.h"

namespace ht {
namespace {

// As many as scales; in blocks of the scales' own shape.
Result<std::vector<int32_t>> read_zero_points(const ImportNode& node, size_t input, DType dtype, const Shape& shape) {
  std::vector<int32_t> zero_points;
  if (!node.has_input(input)) return zero_points;
  HT_ASSIGN(const Tensor tensor, node.constant(input, "zero points"));
  const bool matches = shape.size() > 1 ? tensor.shape() == shape : tensor.size() == element_count(shape);
  if (tensor.dtype() != dtype || !matches)
    return input_error("its zero points ({} of type {}) fit neither its scales ({}) nor the type {}", shape_text(tensor.shape()),
                       dtype_name(tensor.dtype()), shape_text(shape), dtype_name(dtype));
  for (int64_t zero_point : tensor.to_int64s()) zero_points.push_back(static_cast<int32_t>(zero_point));
  return zero_points;
}

// The same parameters with only one along each axis on which they do not vary; `block` elements of the blocked axis share one.
Result<Affine> shrunk(Shape shape, std::vector<float> scales, std::vector<int32_t> zero_points, size_t blocked, int64_t block) {
  if (zero_points.empty()) zero_points.assign(scales.size(), 0);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const auto inner = static_cast<size_t>(strides_of(shape)[axis]), size = static_cast<size_t>(shape[axis]);
    const auto first = [&](size_t i) { return i - i / inner % size * inner; };  // the position with index 0 on the axis
    bool varies = size == 1;
    for (size_t i = 0; i < scales.size() && !varies; ++i)
      varies = scales[i] != scales[first(i)] || zero_points[i] != zero_points[first(i)];
    if (varies) continue;
    std::vector<float> kept;
    std::vector<int32_t> kept_points;
    for (size_t i = 0; i < scales.size(); ++i) {
      if (first(i) != i) continue;
      kept.push_back(scales[i]);
      kept_points.push_back(zero_points[i]);
    }
    scales = std::move(kept);
    zero_points = std::move(kept_points);
    shape[axis] = 1;
  }
  if (shape[blocked] == 1 || block == 1) block = 0;
  return Affine::make(std::move(shape), std::move(scales), std::move(zero_points), block);
}

// Scales a block: the scales' shape is the tensor's, but for the axis along which runs of elements share one; the last run may
// be shorter.
Result<Affine> blocked_affine(const ImportNode& node, const Parameters& parameters, DType dtype, const Shape& shape, int64_t block) {
  HT_ASSIGN(const Tensor scales, node.constant(parameters.scales, "scales"));
  HT_ASSIGN(const int64_t axis, resolve_axis(parameters.axis, shape.size()));
  if (block < 1) return input_error("its blocks have {} elements; they need one at least", block);
  if (scales.dtype() != DType::kFloat32)
    return input_error("its scales are of type {}; they must be floats", dtype_name(scales.dtype()));
  Shape expected = shape;
  int64_t& size = expected[static_cast<size_t>(axis)];
  size = size / block + (size % block != 0);
  if (scales.shape() != expected)
    return input_error("its scales have the shape {} where blocks of {} along axis {} need {}", shape_text(scales.shape()), block,
                       axis, shape_text(expected));
  HT_ASSIGN(std::vector<int32_t> zero_points, read_zero_points(node, parameters.zero_points, dtype, scales.shape()));
  return shrunk(expected, scales.to_floats(), std::move(zero_points), static_cast<size_t>(axis), block);
}

// How QuantizeLinear and DequantizeLinear say along which axis the scales in their second input vary.
Result<Affine> read_affine(ImportNode& node, DType dtype, const Shape& shape) {
  const bool is_microsoft = node.domain() == kMicrosoftDomain;
  const bool has_axis = is_microsoft || node.opset() >= 13;
  const Parameters parameters{1, 2, has_axis ? node.integer("axis", 1) : 0};
  const int64_t block = is_microsoft || node.opset() >= 21 ? node.integer("block_size", 0) : 0;
  if (block == 0) {
    HT_ASSIGN(Affine affine, read_parameters(node, parameters, dtype, shape));
    if (!has_axis && !affine.is_per_tensor())
      return input_error("has {} scales; up to opset 12 there is one", affine.scales().size());
    return affine;
  }
  HT_ASSIGN(Affine affine, blocked_affine(node, parameters, dtype, shape, block));
  HT_TRY(affine.fits(dtype, shape));
  return affine;
}

Result<DType> quantized_type(ImportNode& node) {
  DType dtype = DType::kUint8;
  const bool names_type = node.opset() >= 21 || node.domain() == kMicrosoftDomain;
  const int64_t code = names_type ? node.integer("output_dtype", 0) : 0;
  if (code != 0) {
    const auto named = code < 0 || code > INT32_MAX ? std::nullopt : element_type(static_cast<int32_t>(code));
    if (!named) return unsupported("its attribute 'output_dtype' is ONNX's number {}, which Halftone does not know", code);
    dtype = *named;
  } else if (node.has_input(2)) {
    dtype = node.type(2).dtype;
  }
  if (!is_integer(dtype)) return unsupported("quantizes to the type {}; Halftone quantizes to integers", dtype_name(dtype));
  return dtype;
}

// As quantized activations have: 8 or 16 bits.
bool is_activation_type(DType dtype) {
  return dtype == DType::kInt8 || dtype == DType::kUint8 || dtype == DType::kInt16 || dtype == DType::kUint16;
}

// A graph input of integers that nobody has read yet can be a quantized input.
bool is_unread_input(ImportNode& node, ValueId id) {
  const Graph& graph = node.builder().graph();
  return std::ranges::find(graph.inputs, id) != graph.inputs.end() && std::ranges::none_of(graph.nodes, [&](const Node& other) {
           return std::ranges::find(other.inputs, id) != other.inputs.end();
         });
}

// Scales and zero points as constants that broadcast to the tensor.
struct Numbers {
  ValueId scales, zero_points;
};
Result<Numbers> numbers_beside(ImportNode& node, const Affine& affine, const Shape& shape) {
  const Shape own = affine.is_per_tensor() ? Shape{} : affine.shape();
  for (size_t i = 0; i < own.size(); ++i)
    if (own[i] != 1 && own[i] != shape[i]) return unsupported("computes with integers whose scales are given in blocks");
  const std::vector<float> zero_points(affine.zero_points().begin(), affine.zero_points().end());
  return Numbers{node.constant_beside(Tensor::of_floats(own, affine.scales()), "scales"),
                 node.constant_beside(Tensor::of_floats(own, zero_points), "zero_points")};
}

// (q - zero point) * scale of integers that have no parameters of their own; quantized where activations can be.
Result<ValueId> dequantized(ImportNode& node, ValueId integers, const Affine& affine) {
  const TensorType type = node.builder().value(integers).type;
  HT_ASSIGN(const Numbers numbers, numbers_beside(node, affine, type.shape));
  HT_ASSIGN(const ValueId real, cast_step(node, integers, DType::kFloat32, "numbers"));
  HT_ASSIGN(const ValueId centred, binary_step(node, BinaryKind::kSub, real, numbers.zero_points, "centred"));
  HT_ASSIGN(const ValueId scaled, binary_step(node, BinaryKind::kMul, centred, numbers.scales, "scaled"));
  if (!is_activation_type(type.dtype)) return scaled;
  return node.intermediate(Convert{type.dtype, affine}, {scaled}, "integers");
}

// The same scales seen as a tensor of `rank` axes.
Shape aligned(const Shape& shape, size_t rank) {
  Shape result(rank - shape.size(), 1);
  result.insert(result.end(), shape.begin(), shape.end());
  return result;
}

// Scales in blocks along an axis, times a factor for each index of it.
Result<Affine> spread_over_blocks(const Affine& affine, const Shape& shape, std::span<const float> factors, size_t axis) {
  Shape product = affine.shape();
  product[axis] = shape[axis];
  const int64_t stride = strides_of(product)[axis], size = product[axis];
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
  for (int64_t i = 0; i < element_count(product); ++i) {
    const size_t at = affine.index_of(product, i);
    scales.push_back(affine.scales()[at] * factors[static_cast<size_t>(i / stride % size)]);
    zero_points.push_back(affine.zero_points()[at]);
  }
  return Affine::make(product, std::move(scales), std::move(zero_points));
}

// Quantized weights times a vector along an axis on which they had no scales of their own, or one a block: the product of the
// scales, the integers as they are. None where the operands are something else.
std::optional<Affine> scaled_affine(const Value& weights, const Value& factors) {
  if (!weights.constant || !weights.type.is_quantized() || !factors.constant || factors.type.dtype != DType::kFloat32)
    return std::nullopt;
  const Shape& shape = weights.type.shape;
  const Affine& affine = *weights.type.affine;
  if (shape.empty() || factors.type.shape.size() > shape.size()) return std::nullopt;
  const Shape by = aligned(factors.type.shape, shape.size());
  const Shape own = affine.is_per_tensor() ? Shape(shape.size(), 1) : affine.shape();
  std::optional<size_t> axis;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (by[i] == 1) continue;
    if (by[i] != shape[i] || own[i] == shape[i] || axis) return std::nullopt;
    axis = i;
  }
  if (!axis) return std::nullopt;
  auto made = own[*axis] == 1 ? affine.times(factors.constant->to_floats(), *axis, shape.size())
                              : spread_over_blocks(affine, shape, factors.constant->data<float>(), *axis);
  if (!made) return std::nullopt;
  return *std::move(made);
}

// Operators that read integers as what they stand for. Order is the same among both.
bool knows_integers(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {"ArgMax",  "ArgMin", "DequantizeLinear", "Dropout", "Identity",
                                                      "QGemm",   "Shape",  "Size"};
  return name.starts_with("QLinear") || std::ranges::find(kNames, name) != kNames.end();
}

// Operators that move, select or bound elements, or go between them, do the same to the real numbers: all that they read as
// data has the same parameters, and so has what they make.
bool is_move(const ImportNode& node, std::string_view name) {
  constexpr std::array<std::string_view, 20> kMoves = {
      "Clip",   "Concat",  "DepthToSpace", "Expand", "Flatten", "Gather",       "GatherElements", "GatherND", "MaxPool",   "Pad",
      "Reshape", "Resize", "Slice",        "Split",  "Squeeze", "SpaceToDepth", "Tile",           "Transpose", "Unsqueeze", "Upsample"};
  const TensorType type = node.type(0);
  if (std::ranges::find(kMoves, name) == kMoves.end() || !type.is_quantized() || !type.affine->is_per_tensor()) return false;
  for (size_t i = 0; i < node.input_count(); ++i) {
    if (!node.has_input(i)) continue;
    const bool is_data = i == 0 || name == "Concat";
    if (node.operand(i).integers != is_data ||
        (is_data && (node.type(i).dtype != type.dtype || node.type(i).affine != type.affine)))
      return false;
  }
  return true;
}

// Bounds and padding that the file gives as integers, as the numbers that they stand for.
void bounds_to_real(Op& op, const Affine& affine) {
  const auto to_real = [&](float& integer) {
    if (std::abs(integer) < std::numeric_limits<float>::max())
      integer = (integer - static_cast<float>(affine.zero_points()[0])) * affine.scales()[0];
  };
  if (auto* pad = std::get_if<Pad>(&op)) to_real(pad->value);
  if (auto* unary = std::get_if<Unary>(&op); unary && unary->kind == UnaryKind::kClip) {
    to_real(unary->alpha);
    to_real(unary->beta);
  }
}

}  // namespace

Result<Affine> read_parameters(const ImportNode& node, const Parameters& parameters, DType dtype, const Shape& shape) {
  HT_ASSIGN(const Tensor scales, node.constant(parameters.scales, "scales"));
  HT_ASSIGN(std::vector<int32_t> zero_points, read_zero_points(node, parameters.zero_points, dtype, scales.shape()));
  if (scales.dtype() != DType::kFloat32)
    return input_error("its scales are of type {}; they must be floats", dtype_name(scales.dtype()));
  if (scales.shape().size() > 1) return input_error("its scales have the shape {}, which does not fit", shape_text(scales.shape()));
  Result<Affine> affine = input_error("has no scales");
  if (scales.size() == 1) {
    affine = Affine::per_tensor(scales.to_floats()[0], zero_points.empty() ? 0 : zero_points[0]);
  } else {
    HT_ASSIGN(const int64_t axis, resolve_axis(parameters.axis, shape.size()));
    if (scales.size() != shape[static_cast<size_t>(axis)])
      return input_error("has {} scales for the {} elements of axis {}", scales.size(), shape[static_cast<size_t>(axis)], axis);
    affine = Affine::per_axis(scales.to_floats(), std::move(zero_points), static_cast<size_t>(axis), shape.size());
  }
  if (!affine) return affine;
  HT_TRY(affine->fits(dtype, shape));
  return affine;
}

Result<ValueId> read_integers(ImportNode& node, size_t i) {
  const Operand operand = node.operand(i);
  if (!operand.integers) return operand.value;
  const TensorType type = node.type(i);
  if (node.is_constant(i)) return node.constant_beside(*node.builder().value(operand.value).constant, "integers");
  HT_ASSIGN(const Numbers numbers, numbers_beside(node, *type.affine, type.shape));
  // The quotient is off by less than a millionth, which rounding takes away.
  HT_ASSIGN(const ValueId ratio, binary_step(node, BinaryKind::kDiv, operand.value, numbers.scales, "ratio"));
  HT_ASSIGN(const ValueId whole, unary_step(node, UnaryKind::kRound, ratio, "whole"));
  HT_ASSIGN(const ValueId shifted, binary_step(node, BinaryKind::kAdd, whole, numbers.zero_points, "shifted"));
  return cast_step(node, shifted, type.dtype, "integers");
}

Result<ValueId> read_quantized(ImportNode& node, size_t i, const Affine& affine) {
  const Operand operand = node.operand(i);
  const TensorType type = node.type(i);
  GraphBuilder& builder = node.builder();
  if (!is_integer(type.dtype) || (type.is_quantized() && !operand.integers))
    return input_error("its input {} ('{}') holds real numbers where integers belong", i, builder.value(operand.value).name);
  if (operand.integers && type.affine == affine) return operand.value;
  if (node.is_constant(i)) {
    Tensor integers = *builder.value(operand.value).constant;
    return builder.add_quantized_constant(operand.value, std::move(integers), affine);
  }
  if (!operand.integers && is_activation_type(type.dtype) && affine.block() == 0 && is_unread_input(node, operand.value)) {
    builder.graph().value(operand.value).type.affine = affine;
    builder.bind(builder.value(operand.value).name, {operand.value, true});
    return operand.value;
  }
  HT_ASSIGN(const ValueId integers, read_integers(node, i));
  return dequantized(node, integers, affine);
}

Status make_integers(ImportNode& node, DType dtype, const Affine& affine) {
  Graph& graph = node.builder().graph();
  const ValueId id = node.output_value(0);
  if (!id.valid()) return {};
  HT_TRY(affine.fits(dtype, graph.value(id).type.shape));
  const bool is_made = !graph.nodes.empty() && graph.nodes.back().outputs[0] == id && !graph.value(id).type.is_quantized();
  if (is_made) {
    graph.value(id).type.dtype = dtype;
    graph.value(id).type.affine = affine;
  } else {
    HT_TRY(node.emit(Convert{dtype, affine}, {id}));
  }
  node.mark_integers();
  return {};
}

Status import_quantize(ImportNode& node) {
  if (node.opset() >= 19) node.ignore("saturate");   // concerns 8-bit floats only
  if (node.opset() >= 23) node.ignore("precision");  // of the division, which is f32 here
  const TensorType type = node.type(0);
  if (type.dtype != DType::kFloat32 && type.dtype != DType::kInt32 && !type.is_quantized())
    return unsupported("quantizes a tensor of type {}; Halftone quantizes floats", dtype_name(type.dtype));
  HT_ASSIGN(const DType dtype, quantized_type(node));
  HT_ASSIGN(Affine affine, read_affine(node, dtype, type.shape));
  if (type.dtype == dtype && type.affine == affine) {
    node.forward({node.input(0), true});
    return {};
  }
  ValueId source = node.input(0);
  if (!type.is_quantized()) {
    HT_ASSIGN(source, cast_step(node, source, DType::kFloat32, "numbers"));
  }
  HT_TRY(node.emit(Convert{dtype, std::move(affine)}, {source}));
  node.mark_integers();
  return {};
}

Status import_dequantize(ImportNode& node) {
  if (node.opset() >= 23) node.ignore("output_dtype");  // floats of any width are f32 here
  const TensorType type = node.type(0);
  HT_ASSIGN(const Affine affine, read_affine(node, type.dtype, type.shape));
  HT_ASSIGN(const ValueId value, read_quantized(node, 0, affine));
  // Here rather than with the other outputs, so that the nodes keep the file's order.
  if (node.makes_graph_output() && node.builder().value(value).type.is_quantized() && !node.builder().value(value).constant)
    return node.emit(Convert{DType::kFloat32, std::nullopt}, {value});
  node.forward({value, false});
  return {};
}

Status import_mul(ImportNode& node) {
  GraphBuilder& builder = node.builder();
  for (const auto& [weights, factors] : {std::pair(node.input(0), node.input(1)), std::pair(node.input(1), node.input(0))}) {
    auto affine = scaled_affine(builder.value(weights), builder.value(factors));
    if (!affine) continue;
    Tensor integers = *builder.value(weights).constant;
    node.forward({builder.add_quantized_constant(weights, std::move(integers), *std::move(affine))});
    return {};
  }
  return node.emit(Binary{BinaryKind::kMul}, {node.input(0), node.input(1)});
}

Status import_on_integers(ImportNode& node, const OnnxRow& row) {
  if (knows_integers(row.name)) return row.convert(node);
  const TensorType type = node.type(0);
  if (is_move(node, row.name)) {
    Graph& graph = node.builder().graph();
    const size_t first_new = graph.nodes.size();
    HT_TRY(row.convert(node));
    for (size_t i = first_new; i < graph.nodes.size(); ++i) {
      bounds_to_real(graph.nodes[i].op, *type.affine);
      for (ValueId output : graph.nodes[i].outputs) {
        graph.value(output).type.dtype = type.dtype;
        graph.value(output).type.affine = type.affine;
      }
    }
    node.mark_integers();
    return {};
  }
  std::vector<Operand> plain;
  for (size_t i = 0; i < node.input_count(); ++i) {
    ValueId integers;
    if (node.has_input(i)) {
      HT_ASSIGN(integers, read_integers(node, i));
    }
    plain.push_back({integers});
  }
  node.set_inputs(std::move(plain));
  return row.convert(node);
}

}  // namespace ht
