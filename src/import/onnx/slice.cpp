// SPDX-License-Identifier: Apache-2.0
// Operators that take tensors apart, put them together or pad them.
#include <algorithm>
#include <numeric>

#include "import/onnx/table.h"

namespace ht {
namespace {

Slice whole(const Shape& shape) { return {Ints(shape.size(), 0), Ints(shape.size(), 1), shape}; }

// One axis of ONNX's Slice: bounds count from the end where negative and are cut to the tensor.
void slice_axis(Slice& slice, size_t axis, int64_t size, int64_t start, int64_t end, int64_t step) {
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto cut = [&](int64_t i) { return std::clamp(i < 0 ? std::max(i, -size - 1) + size : i, low, high); };
  const int64_t first = std::max<int64_t>(cut(start), 0), last = cut(end);
  // Steps beyond the tensor's size take one element all the same, and arithmetic on smaller ones cannot overflow.
  const int64_t stride = std::clamp(step, -std::max<int64_t>(size, 1), std::max<int64_t>(size, 1));
  const int64_t count = stride > 0 ? (last - first + stride - 1) / stride : (first - last - stride - 1) / -stride;
  slice.starts[axis] = first;
  slice.steps[axis] = stride;
  slice.sizes[axis] = size == 0 ? 0 : std::max<int64_t>(count, 0);
}

Status slice(ImportNode& node, const Ints& starts, const Ints& ends, Ints axes, const Ints& steps) {
  const Shape shape = node.shape(0);
  if (axes.empty()) {
    axes.resize(starts.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  if (starts.size() != ends.size() || axes.size() != starts.size() || (!steps.empty() && steps.size() != starts.size()))
    return input_error("has {} starts, {} ends, {} axes and {} steps, which do not belong together", starts.size(), ends.size(),
                       axes.size(), steps.size());
  HT_ASSIGN(axes, resolve_axes(axes, shape.size()));
  Slice result = whole(shape);
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(axes[i]);
    const int64_t step = steps.empty() ? 1 : steps[i];
    if (step == 0) return input_error("has a step of 0");
    slice_axis(result, axis, shape[axis], starts[i], ends[i], step);
  }
  return node.emit(std::move(result), {node.input(0)});
}

// Sizes of equal parts; the last may be smaller.
Result<Ints> equal_parts(int64_t size, size_t count) {
  const auto parts = static_cast<int64_t>(count);
  const int64_t part = (size + parts - 1) / parts;
  Ints sizes(count, part);
  sizes.back() = size - part * (parts - 1);
  if (sizes.back() < 0) return input_error("splits {} elements into {} parts", size, parts);
  return sizes;
}

Result<Ints> split_sizes(ImportNode& node, int64_t size) {
  const size_t count = node.output_count();
  if (count == 0) return input_error("has no outputs");
  if (node.opset() < 13 && node.input_count() > 1) return input_error("has two inputs; Split of opset {} has one", node.opset());
  Ints sizes;
  if (node.opset() < 13) {
    sizes = node.integers("split", {});
  } else if (node.has_input(1)) {
    HT_ASSIGN(sizes, node.constant_ints(1, "sizes of the parts"));
  }
  if (node.opset() >= 18 && node.integer("num_outputs", static_cast<int64_t>(count)) != static_cast<int64_t>(count))
    return node.wrong_attribute("num_outputs", fmt::format("does not count its {} outputs", count));
  if (!sizes.empty()) return sizes;
  if (node.opset() < 18 && size % static_cast<int64_t>(count) != 0)
    return input_error("splits {} elements into {} parts, which cannot be equal", size, count);
  return equal_parts(size, count);
}

Result<PadMode> pad_mode(ImportNode& node) {
  const std::string mode = node.text("mode", "constant");
  const auto found = std::ranges::find(kPadModeNames, mode);
  if (found == kPadModeNames.end() || (mode == "wrap" && node.opset() < 19))
    return node.wrong_attribute("mode", fmt::format("is '{}', which Pad of opset {} does not have", mode, node.opset()));
  return static_cast<PadMode>(found - kPadModeNames.begin());
}

Status pad(ImportNode& node, PadMode mode, Ints pads, float value) {
  constexpr int64_t kMost = int64_t{1} << 31;
  if (std::ranges::any_of(pads, [](int64_t pad) { return pad < -kMost || pad > kMost; }))
    return input_error("pads by more than any tensor has");
  if (pads.size() != 2 * node.shape(0).size())
    return input_error("has {} pads for a tensor with {} axes", pads.size(), node.shape(0).size());
  return node.emit(Pad{mode, std::move(pads), mode == PadMode::kConstant ? value : 0}, {node.input(0)});
}

}  // namespace

Status import_concat(ImportNode& node) {
  for (size_t i = 0; i < node.input_count(); ++i)
    if (!node.has_input(i)) return input_error("its input {} is missing", i);
  if (!node.has_attribute("axis")) return node.wrong_attribute("axis", "is missing");
  HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", 0), node.shape(0).size()));
  return node.emit(Concat{axis}, node.inputs());
}

Status import_slice_1(ImportNode& node) {
  return slice(node, node.integers("starts", {}), node.integers("ends", {}), node.integers("axes", {}), {});
}

Status import_slice_10(ImportNode& node) {
  HT_ASSIGN(const Ints starts, node.constant_ints(1, "starts"));
  HT_ASSIGN(const Ints ends, node.constant_ints(2, "ends"));
  Ints axes, steps;
  if (node.has_input(3)) {
    HT_ASSIGN(axes, node.constant_ints(3, "axes"));
  }
  if (node.has_input(4)) {
    HT_ASSIGN(steps, node.constant_ints(4, "steps"));
  }
  return slice(node, starts, ends, std::move(axes), steps);
}

Status import_split(ImportNode& node) {
  const Shape shape = node.shape(0);
  HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", 0), shape.size()));
  const auto a = static_cast<size_t>(axis);
  HT_ASSIGN(const Ints sizes, split_sizes(node, shape[a]));
  if (sizes.size() != node.output_count())
    return input_error("has {} outputs but {} sizes of parts", node.output_count(), sizes.size());
  int64_t left = shape[a];
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0 || sizes[i] > left)
      return input_error("its parts do not add up to the {} elements of axis {}", shape[a], axis);
    Slice part = whole(shape);
    part.starts[a] = shape[a] - left;
    part.sizes[a] = sizes[i];
    left -= sizes[i];
    HT_TRY(node.emit(std::move(part), {node.input(0)}, i));
  }
  if (left != 0) return input_error("its parts do not add up to the {} elements of axis {}", shape[a], axis);
  return {};
}

Status import_gather(ImportNode& node) {
  HT_ASSIGN(const int64_t axis, resolve_axis(node.integer("axis", 0), node.shape(0).size()));
  return node.emit(Gather{axis}, {node.input(0), node.input(1)});
}

Status import_pad_2(ImportNode& node) {
  HT_ASSIGN(const PadMode mode, pad_mode(node));
  return pad(node, mode, node.integers("pads", {}), node.number("value", 0));
}

Status import_pad_11(ImportNode& node) {
  const size_t rank = node.shape(0).size();
  HT_ASSIGN(const PadMode mode, pad_mode(node));
  HT_ASSIGN(Ints pads, node.constant_ints(1, "pads"));
  float value = 0;
  if (node.has_input(2)) {
    HT_ASSIGN(value, node.constant_float(2, "padding value"));
  }
  if (node.has_input(3)) {
    if (node.opset() < 18) return input_error("has four inputs; Pad of opset {} has three", node.opset());
    HT_ASSIGN(Ints axes, node.constant_ints(3, "axes"));
    HT_ASSIGN(axes, resolve_axes(axes, rank));
    if (pads.size() != 2 * axes.size()) return input_error("has {} pads for {} axes", pads.size(), axes.size());
    Ints all(2 * rank, 0);
    for (size_t i = 0; i < axes.size(); ++i) {
      all[static_cast<size_t>(axes[i])] = pads[i];
      all[static_cast<size_t>(axes[i]) + rank] = pads[i + axes.size()];
    }
    pads = std::move(all);
  }
  return pad(node, mode, std::move(pads), value);
}

}  // namespace ht
