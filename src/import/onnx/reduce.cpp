// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "import/onnx/pieces.h"
#include "import/onnx/table.h"

namespace ht {
namespace {

// What a reduction over no axis does to each element.
Status reduce_nothing(ImportNode& node, ReduceKind kind) {
  switch (kind) {
    case ReduceKind::kSum:
    case ReduceKind::kMean:
    case ReduceKind::kMax:
    case ReduceKind::kMin:
    case ReduceKind::kProd:
    case ReduceKind::kLogSumExp:
      node.forward(node.operand(0));
      return {};
    case ReduceKind::kL1:
    case ReduceKind::kL2:
      return node.emit(Unary{UnaryKind::kAbs, 0, 0}, {node.input(0)});
    case ReduceKind::kSumSquare:
      return node.emit(Binary{BinaryKind::kMul}, {node.input(0), node.input(0)});
    case ReduceKind::kLogSum:
      return node.emit(Unary{UnaryKind::kLog, 0, 0}, {node.input(0)});
  }
  return {};
}

ReduceKind reduce_kind(const ImportNode& node) {
  return static_cast<ReduceKind>(std::ranges::find(kReduceNames, node.op_type()) - kReduceNames.begin());
}

Status reduce(ImportNode& node, Ints axes, bool keep_dims) {
  const size_t rank = node.shape(0).size();
  if (axes.empty()) {
    axes.resize(rank);
    std::iota(axes.begin(), axes.end(), 0);
  }
  HT_ASSIGN(axes, resolve_axes(axes, rank));
  std::ranges::sort(axes);
  const ReduceKind kind = reduce_kind(node);
  if (axes.empty()) return reduce_nothing(node, kind);
  return node.emit(Reduce{kind, std::move(axes), keep_dims}, {node.input(0)});
}

}  // namespace

Status import_reduce_1(ImportNode& node) { return reduce(node, node.integers("axes", {}), node.flag("keepdims", true)); }

Status import_reduce_18(ImportNode& node) {
  Ints axes;
  if (node.has_input(1)) {
    HT_ASSIGN(axes, node.constant_ints(1, "axes"));
  }
  const bool keep_dims = node.flag("keepdims", true);
  if (node.flag("noop_with_empty_axes") && axes.empty()) return reduce_nothing(node, reduce_kind(node));
  return reduce(node, std::move(axes), keep_dims);
}

// Up to opset 12 the axes from `axis` on count as one.
Status import_softmax_1(ImportNode& node) {
  const Shape shape = node.shape(0);
  const bool logarithm = node.op_type() == "LogSoftmax";
  HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", 1), shape.size()));
  const bool is_one_axis = std::all_of(shape.begin() + axis + 1, shape.end(), [](int64_t size) { return size == 1; });
  if (is_one_axis) return node.emit(Softmax{axis, logarithm}, {node.input(0)});
  const Shape matrix = {element_count(Shape(shape.begin(), shape.begin() + axis)),
                        element_count(Shape(shape.begin() + axis, shape.end()))};
  HT_ASSIGN(const ValueId flat, node.intermediate(Reshape{matrix}, {node.input(0)}, "flat"));
  HT_ASSIGN(const ValueId result, node.intermediate(Softmax{1, logarithm}, {flat}, "rows"));
  return node.emit(Reshape{shape}, {result});
}

Status import_softmax_13(ImportNode& node) {
  HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", -1), node.shape(0).size()));
  return node.emit(Softmax{axis, node.op_type() == "LogSoftmax"}, {node.input(0)});
}

}  // namespace ht
