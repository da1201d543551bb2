// SPDX-License-Identifier: Apache-2.0
// Operators that change a tensor's shape or the order of its axes, and leave its elements as they are.
#include <algorithm>
#include <numeric>

#include "base/checked.h"
#include "import/onnx/table.h"

namespace ht {
namespace {

// Up to opset 12 an attribute, later an input. Empty where neither is there.
Result<Ints> axes_of(ImportNode& node) {
  if (node.opset() < 13) {
    if (node.input_count() > 1)
      return input_error("has {} inputs; {} of opset {} has one", node.input_count(), node.op_type(), node.opset());
    return node.integers("axes", {});
  }
  if (!node.has_input(1)) return Ints();
  return node.constant_ints(1, "axes");
}

// Fills in 0 (the input's own size) and -1 (whatever is left).
Result<Shape> resolve_shape(const Ints& wanted, const Shape& from, bool zero_means_zero) {
  Shape shape = wanted;
  std::optional<size_t> open;
  int64_t known = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && !zero_means_zero) {
      if (i >= from.size())
        return input_error("the new shape {} keeps axis {}, which the input of shape {} has not", shape_text(wanted), i,
                           shape_text(from));
      shape[i] = from[i];
    }
    if (shape[i] == -1) {
      if (open) return input_error("the new shape {} leaves two sizes open", shape_text(wanted));
      open = i;
      continue;
    }
    const auto product = checked_mul(known, shape[i]);
    if (!product) return input_error("the new shape {} is negative or too large", shape_text(wanted));
    known = *product;
  }
  const int64_t count = element_count(from);
  if (open) {
    if (known == 0 || count % known != 0)
      return input_error("{} elements do not fit the new shape {}", count, shape_text(wanted));
    shape[*open] = count / known;
  } else if (known != count) {
    return input_error(
        "{} elements do not fit the new shape {}; if the shape was fixed for another input size, export the model for the size "
        "that is wanted",
        count, shape_text(wanted));
  }
  return shape;
}

// Reshapes to the axes of a larger shape, permutes them, and reshapes to the result.
Status rearrange(ImportNode& node, Shape split, Ints permutation, Shape result) {
  HT_ASSIGN(const ValueId apart, node.intermediate(Reshape{std::move(split)}, {node.input(0)}, "split"));
  HT_ASSIGN(const ValueId moved, node.intermediate(Transpose{std::move(permutation)}, {apart}, "moved"));
  return node.emit(Reshape{std::move(result)}, {moved});
}

Result<int64_t> block_size(ImportNode& node) {
  const int64_t block = node.integer("blocksize", 0);
  if (block < 1 || block > 65536) return node.wrong_attribute("blocksize", "must be a positive number");
  if (node.shape(0).size() != 4)
    return input_error("its input has the shape {} where four axes are needed", shape_text(node.shape(0)));
  return block;
}

}  // namespace

Status import_reshape(ImportNode& node) {
  HT_ASSIGN(const Ints wanted, node.constant_ints(1, "new shape"));
  const bool zero_means_zero = node.opset() >= 14 && node.flag("allowzero");
  HT_ASSIGN(Shape shape, resolve_shape(wanted, node.shape(0), zero_means_zero));
  return node.emit(Reshape{std::move(shape)}, {node.input(0)});
}

Status import_flatten(ImportNode& node) {
  const Shape shape = node.shape(0);
  const auto rank = static_cast<int64_t>(shape.size());
  int64_t axis = node.integer("axis", 1);
  if (axis < -rank || axis > rank)
    return node.wrong_attribute("axis", fmt::format("is {} for a tensor with {} axes", axis, rank));
  if (axis < 0) axis += rank;
  const Shape flat = {element_count(Shape(shape.begin(), shape.begin() + axis)),
                      element_count(Shape(shape.begin() + axis, shape.end()))};
  return node.emit(Reshape{flat}, {node.input(0)});
}

Status import_squeeze(ImportNode& node) {
  const Shape shape = node.shape(0);
  HT_ASSIGN(Ints axes, axes_of(node));
  HT_ASSIGN(axes, resolve_axes(axes, shape.size()));
  Shape squeezed;
  for (size_t i = 0; i < shape.size(); ++i) {
    const bool is_named = std::ranges::find(axes, static_cast<int64_t>(i)) != axes.end();
    if (is_named && shape[i] != 1)
      return input_error("is to drop axis {} of the shape {}, whose size is not 1", i, shape_text(shape));
    if (!is_named && (!axes.empty() || shape[i] != 1)) squeezed.push_back(shape[i]);
  }
  return node.emit(Reshape{std::move(squeezed)}, {node.input(0)});
}

Status import_unsqueeze(ImportNode& node) {
  const Shape shape = node.shape(0);
  HT_ASSIGN(Ints axes, axes_of(node));
  if (axes.size() > 8) return input_error("adds {} axes, which is too many", axes.size());
  HT_ASSIGN(axes, resolve_axes(axes, shape.size() + axes.size()));
  Shape unsqueezed(shape.size() + axes.size(), 0);
  for (int64_t axis : axes) unsqueezed[static_cast<size_t>(axis)] = 1;
  // Axes of size zero in the input are none of the places that are still free.
  size_t next = 0;
  for (size_t i = 0; i < unsqueezed.size(); ++i)
    if (unsqueezed[i] == 0) unsqueezed[i] = shape[next++];
  return node.emit(Reshape{std::move(unsqueezed)}, {node.input(0)});
}

Status import_transpose(ImportNode& node) {
  const size_t rank = node.shape(0).size();
  Ints reversed(rank);
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  Ints permutation = node.integers("perm", reversed);
  HT_ASSIGN(permutation, resolve_axes(permutation, rank));
  if (permutation.size() != rank)
    return node.wrong_attribute("perm", fmt::format("has {} axes, the input {}", permutation.size(), rank));
  return node.emit(Transpose{std::move(permutation)}, {node.input(0)});
}

Status import_expand(ImportNode& node) {
  HT_ASSIGN(const Ints wanted, node.constant_ints(1, "new shape"));
  // Sizes of 1 in the wish stay what the input has, so the result can have larger sizes than the wish.
  const Shape from = node.shape(0);
  Shape shape = wanted;
  if (shape.size() < from.size()) shape.insert(shape.begin(), from.size() - shape.size(), 1);
  for (size_t i = 0; i < from.size(); ++i) {
    int64_t& size = shape[shape.size() - from.size() + i];
    if (size == 1) size = from[i];
  }
  return node.emit(Expand{std::move(shape)}, {node.input(0)});
}

Status import_tile(ImportNode& node) {
  constexpr int64_t kMostRepeats = 4096;
  const Shape shape = node.shape(0);
  HT_ASSIGN(const Ints repeats, node.constant_ints(1, "repeats"));
  if (repeats.size() != shape.size()) return input_error("{} repeats for a tensor with {} axes", repeats.size(), shape.size());
  ValueId value = node.input(0);
  size_t last = shape.size();
  for (size_t i = 0; i < repeats.size(); ++i) {
    if (repeats[i] < 1 || repeats[i] > kMostRepeats)
      return unsupported("repeats axis {} {} times; 1 to {} are supported", i, repeats[i], kMostRepeats);
    if (repeats[i] > 1) last = i;
  }
  if (last == shape.size()) {
    node.forward(node.operand(0));
    return {};
  }
  for (size_t i = 0; i < last; ++i) {
    if (repeats[i] == 1) continue;
    const std::vector<ValueId> copies(static_cast<size_t>(repeats[i]), value);
    HT_ASSIGN(value, node.intermediate(Concat{static_cast<int64_t>(i)}, copies, fmt::format("axis_{}", i)));
  }
  return node.emit(Concat{static_cast<int64_t>(last)}, std::vector<ValueId>(static_cast<size_t>(repeats[last]), value));
}

Status import_depth_to_space(ImportNode& node) {
  HT_ASSIGN(const int64_t block, block_size(node));
  const std::string mode = node.opset() >= 11 ? node.text("mode", "DCR") : "DCR";
  if (mode != "DCR" && mode != "CRD") return node.wrong_attribute("mode", "must be 'DCR' or 'CRD'");
  const Shape s = node.shape(0);
  if (s[1] % (block * block) != 0) return input_error("{} channels do not split into blocks of {}", s[1], block * block);
  const int64_t depth = s[1] / (block * block);
  const Shape result = {s[0], depth, s[2] * block, s[3] * block};
  if (mode == "DCR") return rearrange(node, {s[0], block, block, depth, s[2], s[3]}, {0, 3, 4, 1, 5, 2}, result);
  return rearrange(node, {s[0], depth, block, block, s[2], s[3]}, {0, 1, 4, 2, 5, 3}, result);
}

Status import_space_to_depth(ImportNode& node) {
  HT_ASSIGN(const int64_t block, block_size(node));
  const std::string mode = node.opset() >= 28 ? node.text("mode", "DCR") : "DCR";
  if (mode != "DCR" && mode != "CRD") return node.wrong_attribute("mode", "must be 'DCR' or 'CRD'");
  const Shape s = node.shape(0);
  if (s[2] % block != 0 || s[3] % block != 0)
    return input_error("the shape {} does not split into blocks of {}", shape_text(s), block);
  return rearrange(node, {s[0], s[1], s[2] / block, block, s[3] / block, block},
                   mode == "DCR" ? Ints{0, 3, 5, 1, 2, 4} : Ints{0, 1, 3, 5, 2, 4},
                   {s[0], s[1] * block * block, s[2] / block, s[3] / block});
}

}  // namespace ht
