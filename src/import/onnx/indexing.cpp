// SPDX-License-Identifier: Apache-2.0
// Operators that look for elements, or are told by indices or conditions which ones are meant.
#include <algorithm>
#include <numeric>

#include "import/onnx/pieces.h"
#include "import/onnx/table.h"

namespace ht {
namespace {

constexpr int64_t kMostDepth = int64_t{1} << 24;  // of a one-hot axis

Result<ScatterReduction> read_reduction(ImportNode& node) {
  if (node.opset() < 16) return ScatterReduction::kNone;
  const std::string reduction = node.text("reduction", "none");
  const auto found = std::ranges::find(kScatterReductionNames, reduction);
  const bool is_later = reduction == "max" || reduction == "min";
  if (found == kScatterReductionNames.end() || (is_later && node.opset() < 18))
    return node.wrong_attribute("reduction", fmt::format("is '{}', which {} of opset {} does not have", reduction, node.op_type(),
                                                         node.opset()));
  return static_cast<ScatterReduction>(found - kScatterReductionNames.begin());
}

// The same tensor without this axis, whose size is 1.
Status emit_without_axis(ImportNode& node, ValueId value, int64_t axis) {
  Shape shape = node.builder().value(value).type.shape;
  shape.erase(shape.begin() + axis);
  return node.emit(Reshape{std::move(shape)}, {value});
}

Status top_k(ImportNode& node, int64_t k, bool largest) {
  HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", -1), node.shape(0).size()));
  const TopK top{axis, k, !largest};
  ValueId indices;
  if (node.wants_output(1)) {
    HT_TRY(node.emit(top, {node.input(0)}, 1));
    if (!node.wants_output(0)) return {};
    indices = node.output_value(1);
  } else {
    HT_ASSIGN(indices, node.intermediate(top, {node.input(0)}, "indices"));
  }
  return node.emit(GatherElements{axis}, {node.input(0), indices});
}

Status cumulative(ImportNode& node, CumulativeKind kind) {
  HT_ASSIGN(const Ints axes, node.constant_ints(1, "axis"));
  if (axes.size() != 1) return input_error("has {} axes and needs one", axes.size());
  HT_ASSIGN(const int64_t axis, resolve_axis(axes[0], node.shape(0).size()));
  return node.emit(Cumulative{kind, axis, node.flag("exclusive"), node.flag("reverse")}, {node.input(0)});
}

// True where the index along the axis is the same as in the given tensor, whose size there is 1.
Result<ValueId> equals_position(ImportNode& node, ValueId index, size_t axis, int64_t count, int64_t first) {
  HT_TRY(check_made(node, count, DType::kInt64));
  const size_t rank = node.builder().value(index).type.shape.size();
  const ValueId positions = counting_beside(node, count, axis, rank, first, "positions");
  return binary_step(node, BinaryKind::kEqual, index, positions, "is_there");
}

}  // namespace

Status import_arg_extreme(ImportNode& node) {
  HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", 0), node.shape(0).size()));
  const bool keep_dims = node.flag("keepdims", true);
  const ArgExtreme extreme{axis, node.op_type() == "ArgMin", node.opset() >= 12 && node.flag("select_last_index")};
  if (keep_dims) return node.emit(extreme, {node.input(0)});
  HT_ASSIGN(const ValueId kept, node.intermediate(extreme, {node.input(0)}, "kept"));
  return emit_without_axis(node, kept, axis);
}

Status import_top_k_1(ImportNode& node) { return top_k(node, node.integer("k", 0), true); }

Status import_top_k_10(ImportNode& node) {
  HT_ASSIGN(const Ints k, node.constant_ints(1, "number of elements"));
  if (k.size() != 1) return input_error("has {} numbers of elements and needs one", k.size());
  bool largest = true;
  if (node.opset() >= 11) {
    largest = node.flag("largest", true);
    node.ignore("sorted");  // in order is one of the orders that are allowed
  }
  return top_k(node, k[0], largest);
}

Status import_cum_sum(ImportNode& node) { return cumulative(node, CumulativeKind::kSum); }
Status import_cum_prod(ImportNode& node) { return cumulative(node, CumulativeKind::kProd); }

Status import_gather_elements(ImportNode& node) {
  HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", 0), node.shape(0).size()));
  return node.emit(GatherElements{axis}, node.inputs());
}

Status import_gather_nd(ImportNode& node) {
  return node.emit(GatherND{node.opset() >= 12 ? node.integer("batch_dims", 0) : 0}, node.inputs());
}

Status import_scatter_elements(ImportNode& node) {
  HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", 0), node.shape(0).size()));
  HT_ASSIGN(const ScatterReduction reduction, read_reduction(node));
  return node.emit(ScatterElements{axis, reduction}, node.inputs());
}

Status import_scatter_nd(ImportNode& node) {
  HT_ASSIGN(const ScatterReduction reduction, read_reduction(node));
  return node.emit(ScatterND{reduction}, node.inputs());
}

// Selects what a constant condition says: indices that are known.
Status import_compress(ImportNode& node) {
  if (!node.is_constant(1))
    return unsupported("keeps as many elements as the network's input makes it, but every shape must be known; cut the model "
                       "before it");
  HT_ASSIGN(const Tensor condition, node.constant(1, "condition"));
  Ints chosen;
  const auto flags = condition.to_int64s();
  for (size_t i = 0; i < flags.size(); ++i)
    if (flags[i] != 0) chosen.push_back(static_cast<int64_t>(i));
  HT_TRY(check_made(node, std::ssize(chosen), DType::kInt64));
  const ValueId indices = node.constant_beside(Tensor::of_int64s(chosen), "indices");
  if (node.has_attribute("axis")) {
    HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", 0), node.shape(0).size()));
    return node.emit(Gather{axis}, {node.input(0), indices});
  }
  HT_ASSIGN(const ValueId flat, reshape_step(node, node.input(0), {element_count(node.shape(0))}, "flat"));
  return node.emit(Gather{0}, {flat, indices});
}

Status import_non_zero(ImportNode& node) {
  if (!node.is_constant(0))
    return unsupported("finds as many elements as the network's input makes it, but every shape must be known; cut the model "
                       "before it");
  HT_ASSIGN(const Tensor tensor, node.constant(0, "elements"));
  const auto elements = tensor.to_doubles();
  const Shape shape = tensor.shape(), strides = strides_of(shape);
  std::vector<Ints> found(shape.size());
  for (size_t i = 0; i < elements.size(); ++i)
    for (size_t axis = 0; elements[i] != 0 && axis < shape.size(); ++axis)
      found[axis].push_back(static_cast<int64_t>(i) / strides[axis] % shape[axis]);
  Ints all;
  for (const Ints& positions : found) all.insert(all.end(), positions.begin(), positions.end());
  HT_TRY(check_made(node, std::ssize(all), DType::kInt64));
  const auto rank = static_cast<int64_t>(shape.size());
  node.emit_constant(Tensor::of_int64s(all).reshaped({rank, rank == 0 ? 0 : static_cast<int64_t>(all.size()) / rank}));
  return {};
}

// 1 at the first of the largest elements, 0 elsewhere. Up to opset 12 the axes from `axis` on count as one.
Status import_hardmax(ImportNode& node) {
  const Shape shape = node.shape(0);
  HT_ASSIGN(const int64_t named, resolve_axis(node.integer("axis", node.opset() < 13 ? 1 : -1), shape.size()));
  ValueId x = node.input(0);
  Shape inner = shape;
  auto axis = static_cast<size_t>(named);
  if (node.opset() < 13) {
    inner = {element_count(Shape(shape.begin(), shape.begin() + named)),
             element_count(Shape(shape.begin() + named, shape.end()))};
    axis = 1;
    HT_ASSIGN(x, reshape_step(node, x, inner, "flat"));
  }
  HT_ASSIGN(const ValueId best, node.intermediate(ArgExtreme{static_cast<int64_t>(axis), false, false}, {x}, "best"));
  HT_ASSIGN(const ValueId is_best, equals_position(node, best, axis, inner[axis], 0));
  HT_ASSIGN(const ValueId shaped, reshape_step(node, is_best, shape, "shaped"));
  return node.emit(Cast{DType::kFloat32}, {shaped});
}

Status import_one_hot(ImportNode& node) {
  const Shape shape = node.shape(0);
  HT_ASSIGN(const float depth_number, node.constant_float(1, "depth"));
  if (!(depth_number >= 1) || depth_number > static_cast<float>(kMostDepth))
    return input_error("its depth is {}, which cannot be", depth_number);
  const auto depth = static_cast<int64_t>(depth_number);
  if (node.shape(2) != Shape{2}) return input_error("its values have the shape {} and need [2]", shape_text(node.shape(2)));
  HT_ASSIGN(const int64_t named, resolve_axis(node.integer("axis", -1), shape.size() + 1));
  const auto axis = static_cast<size_t>(named);
  Shape open = shape;
  open.insert(open.begin() + named, 1);
  HT_ASSIGN(const ValueId whole, cast_step(node, node.input(0), DType::kInt64, "whole"));
  HT_ASSIGN(const ValueId index, reshape_step(node, whole, open, "index"));
  // Indices from the end are those of positions that are counted from there.
  HT_ASSIGN(const ValueId from_front, equals_position(node, index, axis, depth, 0));
  HT_ASSIGN(const ValueId from_end, equals_position(node, index, axis, depth, -depth));
  HT_ASSIGN(const ValueId is_hot, binary_step(node, BinaryKind::kOr, from_front, from_end, "is_hot"));
  HT_ASSIGN(const ValueId off, node.intermediate(Slice{{0}, {1}, {1}}, {node.input(2)}, "off"));
  HT_ASSIGN(const ValueId on, node.intermediate(Slice{{1}, {1}, {1}}, {node.input(2)}, "on"));
  return node.emit(Where{}, {is_hot, on, off});
}

// Keeps the triangle on one side of a diagonal and clears the rest.
Status import_trilu(ImportNode& node) {
  const Shape shape = node.shape(0);
  if (shape.size() < 2) return input_error("its input has the shape {} and is no matrix", shape_text(shape));
  int64_t diagonal = 0;
  if (node.has_input(1)) {
    HT_ASSIGN(const Ints k, node.constant_ints(1, "diagonal"));
    if (k.size() != 1) return input_error("has {} diagonals and needs one", k.size());
    const int64_t far = shape[shape.size() - 2] + shape.back();
    diagonal = std::clamp(k[0], -far, far);
  }
  const bool upper = node.flag("upper", true);
  const int64_t rows = shape[shape.size() - 2], columns = shape.back();
  HT_TRY(check_made(node, rows * columns, DType::kBool));
  Tensor mask = Tensor::zeros(DType::kBool, {rows, columns});
  const auto kept = mask.mutable_data<uint8_t>();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      kept[static_cast<size_t>(row * columns + column)] = upper ? column - row >= diagonal : column - row <= diagonal;
  const ValueId zero = scalar_beside(node, element_of(node, 0), 0, "zero");
  return node.emit(Where{}, {node.constant_beside(std::move(mask), "kept"), node.input(0), zero});
}

}  // namespace ht
