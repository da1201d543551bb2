// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/quantization.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "import/onnx/tensor_data.h"

namespace ht {
namespace {

// The same parameters with only one along each axis on which they do not vary.
Result<Affine> shrunk(Shape shape, std::vector<float> scales, std::vector<int32_t> zero_points) {
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
  return Affine::make(std::move(shape), std::move(scales), std::move(zero_points));
}

// Scales a block: the scales' shape is the tensor's, but for the axis along which runs of elements share one.
Result<Affine> blocked_affine(const Tensor& scales, std::vector<int32_t> zero_points, const Shape& shape, int64_t axis,
                              int64_t block) {
  Shape expected = shape;
  int64_t& size = expected[static_cast<size_t>(axis)];
  if (block < 1 || size % block != 0)
    return unsupported("its blocks of {} do not divide the {} elements of axis {}", block, size, axis);
  size /= block;
  if (scales.shape() != expected)
    return input_error("its scales have the shape {} where blocks of {} along axis {} need {}", shape_text(scales.shape()), block,
                       axis, shape_text(expected));
  return shrunk(expected, scales.to_floats(), std::move(zero_points));
}

// The parameters in inputs 1 and 2 of QuantizeLinear and DequantizeLinear, for a tensor of this type and shape.
Result<Affine> read_affine(ImportNode& node, DType dtype, const Shape& shape) {
  const int64_t wanted_axis = node.opset() >= 13 ? node.integer("axis", 1) : 0;
  const int64_t block = node.opset() >= 21 ? node.integer("block_size", 0) : 0;
  HT_ASSIGN(const Tensor scales, node.constant(1, "scales"));
  std::vector<int32_t> zero_points;
  if (node.has_input(2)) {
    HT_ASSIGN(const Tensor tensor, node.constant(2, "zero points"));
    if (tensor.dtype() != dtype || tensor.size() != scales.size())
      return input_error("its zero points ({} of type {}) fit neither its scales ({}) nor the type {}", tensor.size(),
                         dtype_name(tensor.dtype()), scales.size(), dtype_name(dtype));
    for (int64_t zero_point : tensor.to_int64s()) zero_points.push_back(static_cast<int32_t>(zero_point));
  }
  if (scales.dtype() != DType::kFloat32)
    return input_error("its scales are of type {}; they must be floats", dtype_name(scales.dtype()));
  Result<Affine> affine = input_error("its scales have the shape {}, which does not fit", shape_text(scales.shape()));
  if (scales.size() == 1 && scales.shape().size() <= 1) {
    affine = Affine::per_tensor(scales.to_floats()[0], zero_points.empty() ? 0 : zero_points[0]);
  } else if (block != 0 || scales.shape().size() == 1) {
    if (node.opset() < 13) return input_error("has {} scales; up to opset 12 there is one", scales.size());
    HT_ASSIGN(const int64_t axis, resolve_axis(wanted_axis, shape.size()));
    if (block != 0)
      affine = blocked_affine(scales, std::move(zero_points), shape, axis, block);
    else if (scales.size() == shape[static_cast<size_t>(axis)])
      affine = Affine::per_axis(scales.to_floats(), std::move(zero_points), static_cast<size_t>(axis), shape.size());
    else
      affine = input_error("has {} scales for the {} elements of axis {}", scales.size(), shape[static_cast<size_t>(axis)], axis);
  }
  if (!affine) return affine;
  HT_TRY(affine->fits(dtype, shape));
  return affine;
}

Result<DType> quantized_type(ImportNode& node) {
  DType dtype = DType::kUint8;
  const int64_t code = node.opset() >= 21 ? node.integer("output_dtype", 0) : 0;
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

// A graph input of integers that only DequantizeLinear reads is a quantized input.
Status quantize_input(ImportNode& node, const Affine& affine) {
  Graph& graph = node.builder().graph();
  const ValueId id = node.input(0);
  const bool is_input = std::ranges::find(graph.inputs, id) != graph.inputs.end();
  const bool is_read = std::ranges::any_of(
      graph.nodes, [&](const Node& other) { return std::ranges::find(other.inputs, id) != other.inputs.end(); });
  if (!is_input || is_read)
    return unsupported("dequantizes '{}', which is neither a constant nor an input nor made by QuantizeLinear",
                       graph.value(id).name);
  graph.value(id).type.affine = affine;
  node.builder().bind(graph.value(id).name, {id, true});
  return {};
}

// The same scales seen as a tensor of `rank` axes.
Shape aligned(const Shape& shape, size_t rank) {
  Shape result(rank - shape.size(), 1);
  result.insert(result.end(), shape.begin(), shape.end());
  return result;
}

// Quantized weights times a vector along an axis on which they had no scales of their own: the product of the scales, the
// integers as they are. None where the operands are something else.
std::optional<Affine> scaled_affine(const Value& weights, const Value& factors) {
  if (!weights.constant || !weights.type.is_quantized() || !factors.constant || factors.type.dtype != DType::kFloat32)
    return std::nullopt;
  const Shape& shape = weights.type.shape;
  const Affine& affine = *weights.type.affine;
  if (shape.empty() || factors.type.shape.size() > shape.size()) return std::nullopt;
  const Shape by = aligned(factors.type.shape, shape.size());
  const Shape own = affine.is_per_tensor() ? Shape(shape.size(), 1) : affine.shape();
  Shape product = own;
  size_t varying = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (by[i] == 1) continue;
    if (by[i] != shape[i] || own[i] != 1) return std::nullopt;
    product[i] = by[i];
    ++varying;
  }
  if (varying != 1) return std::nullopt;
  const auto factor = factors.constant->to_floats();
  const Shape own_strides = strides_of(own), by_strides = strides_of(by);
  std::vector<float> scales(static_cast<size_t>(element_count(product)));
  std::vector<int32_t> zero_points(scales.size());
  for (size_t flat = 0; flat < scales.size(); ++flat) {
    int64_t rest = static_cast<int64_t>(flat), from = 0, with = 0;
    for (size_t i = product.size(); i-- > 0; rest /= product[i]) {
      const int64_t position = rest % product[i];
      if (own[i] != 1) from += position * own_strides[i];
      if (by[i] != 1) with += position * by_strides[i];
    }
    scales[flat] = affine.scales()[static_cast<size_t>(from)] * factor[static_cast<size_t>(with)];
    zero_points[flat] = affine.zero_points()[static_cast<size_t>(from)];
  }
  auto made = Affine::make(product, std::move(scales), std::move(zero_points));
  if (!made) return std::nullopt;
  return *std::move(made);
}

}  // namespace

Status import_quantize(ImportNode& node) {
  if (node.opset() >= 19) node.ignore("saturate");   // concerns 8-bit floats only
  if (node.opset() >= 23) node.ignore("precision");  // of the division, which is f32 here
  const TensorType type = node.type(0);
  if (type.dtype != DType::kFloat32 && !type.is_quantized())
    return unsupported("quantizes a tensor of type {}; Halftone quantizes floats", dtype_name(type.dtype));
  HT_ASSIGN(const DType dtype, quantized_type(node));
  HT_ASSIGN(Affine affine, read_affine(node, dtype, type.shape));
  if (type.dtype == dtype && type.affine == affine) {
    node.forward({node.input(0), true});
    return {};
  }
  HT_TRY(node.emit(Convert{dtype, std::move(affine)}, {node.input(0)}));
  node.mark_integers();
  return {};
}

Status import_dequantize(ImportNode& node) {
  if (node.opset() >= 23) node.ignore("output_dtype");  // floats of any width are f32 here
  const TensorType type = node.type(0);
  HT_ASSIGN(Affine affine, read_affine(node, type.dtype, type.shape));
  const Operand operand = node.operand(0);
  Graph& graph = node.builder().graph();
  if (!operand.integers && !type.is_quantized()) {
    if (graph.is_constant(operand.value)) {
      Tensor integers = *graph.value(operand.value).constant;
      node.forward({node.builder().add_quantized_constant(operand.value, std::move(integers), std::move(affine))});
      return {};
    }
    HT_TRY(quantize_input(node, affine));
  } else if (!operand.integers || type.affine != affine) {
    return unsupported("dequantizes '{}' with other parameters than it was quantized with", graph.value(operand.value).name);
  }
  // Here rather than with the other outputs, so that the nodes keep the file's order.
  if (node.makes_graph_output()) return node.emit(Convert{DType::kFloat32, std::nullopt}, {operand.value});
  node.forward({operand.value, false});
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
  constexpr std::array<std::string_view, 5> kAny = {"DequantizeLinear", "Dropout", "Identity", "Shape", "Size"};
  constexpr std::array<std::string_view, 14> kMoves = {"Concat",  "DepthToSpace", "Expand",    "Flatten",      "Gather",
                                                       "MaxPool", "Reshape",      "Slice",     "SpaceToDepth", "Split",
                                                       "Squeeze", "Tile",         "Transpose", "Unsqueeze"};
  if (std::ranges::find(kAny, row.name) != kAny.end()) return row.convert(node);
  const TensorType type = node.type(0);
  bool moves = std::ranges::find(kMoves, row.name) != kMoves.end() && type.is_quantized() && type.affine->is_per_tensor();
  for (size_t i = 0; i < node.input_count(); ++i) {
    if (!node.has_input(i)) continue;
    const bool is_data = i == 0 || row.name == "Concat";
    if (node.operand(i).integers != is_data ||
        (is_data && (node.type(i).dtype != type.dtype || node.type(i).affine != type.affine)))
      moves = false;
  }
  if (!moves)
    return unsupported(
        "reads the integers that QuantizeLinear makes; put DequantizeLinear before it, or export a model in QDQ format");
  Graph& graph = node.builder().graph();
  const size_t first_new = graph.nodes.size();
  HT_TRY(row.convert(node));
  for (size_t i = first_new; i < graph.nodes.size(); ++i)
    for (ValueId output : graph.nodes[i].outputs) {
      graph.value(output).type.dtype = type.dtype;
      graph.value(output).type.affine = type.affine;
    }
  node.mark_integers();
  return {};
}

}  // namespace ht
