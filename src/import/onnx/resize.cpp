// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "import/onnx/table.h"

namespace ht {
namespace {

template <class Kind, size_t N>
Result<Kind> read_kind(ImportNode& node, std::string_view attribute, std::string_view otherwise,
                       const std::array<std::string_view, N>& names) {
  const std::string text = node.text(attribute, std::string(otherwise));
  const auto found = std::ranges::find(names, text);
  if (found == names.end())
    return unsupported("the attribute '{}' is '{}', which is not supported; it may be: {}", attribute, text,
                       fmt::join(names, ", "));
  return static_cast<Kind>(found - names.begin());
}

// Output sizes from the factors, as ONNX defines them.
Status size_by_scales(Resize& resize, const Shape& shape) {
  if (resize.scales.size() != shape.size())
    return input_error("has {} scales for a tensor with {} axes", resize.scales.size(), shape.size());
  resize.sizes.clear();
  for (size_t i = 0; i < shape.size(); ++i) {
    const float size = resize.scales[i] * static_cast<float>(shape[i]);
    if (!(resize.scales[i] > 0) || !(size < 1e9f))
      return input_error("has the scale {}, which is not positive or too large", resize.scales[i]);
    resize.sizes.push_back(static_cast<int64_t>(std::floor(size)));
  }
  return {};
}

// Before opset 11 the coordinates were x / scale, the nearest pixel the one before, and after it where the picture shrinks.
Result<NearestMode> old_nearest(const Floats& scales) {
  const bool shrinks = std::ranges::any_of(scales, [](float scale) { return scale < 1; });
  const bool grows = std::ranges::any_of(scales, [](float scale) { return scale > 1; });
  if (shrinks && grows)
    return unsupported("shrinks one axis and enlarges another, which this opset leaves undefined; export the model for opset 11");
  return shrinks ? NearestMode::kCeil : NearestMode::kFloor;
}

// Gives every axis a number where the file names only some axes.
template <class T>
Result<std::vector<T>> spread_over_axes(const std::vector<T>& some, const Ints& axes, std::vector<T> all) {
  if (some.size() != axes.size()) return input_error("has {} sizes or scales for {} axes", some.size(), axes.size());
  for (size_t i = 0; i < axes.size(); ++i) all[static_cast<size_t>(axes[i])] = some[i];
  return all;
}

Status size_by_sizes(ImportNode& node, Resize& resize, const Shape& shape, const Ints& axes, const std::string& policy) {
  HT_ASSIGN(const Ints some, node.constant_ints(3, "sizes"));
  HT_ASSIGN(resize.sizes, spread_over_axes(some, axes, shape));
  for (size_t i = 0; i < shape.size(); ++i)
    if (resize.sizes[i] < 1 || resize.sizes[i] > 1'000'000'000 || shape[i] < 1)
      return input_error("has the size {}, which cannot be", resize.sizes[i]);
  resize.scales.clear();
  for (size_t i = 0; i < shape.size(); ++i)
    resize.scales.push_back(static_cast<float>(resize.sizes[i]) / static_cast<float>(shape[i]));

  if (policy == "stretch") return {};
  if (policy != "not_larger" && policy != "not_smaller")
    return node.wrong_attribute("keep_aspect_ratio_policy", fmt::format("is '{}'", policy));
  float shared = resize.scales[static_cast<size_t>(axes.at(0))];
  for (int64_t axis : axes) {
    const float scale = resize.scales[static_cast<size_t>(axis)];
    shared = policy == "not_larger" ? std::min(shared, scale) : std::max(shared, scale);
  }
  for (int64_t axis : axes) {
    const auto a = static_cast<size_t>(axis);
    resize.scales[a] = shared;
    resize.sizes[a] = static_cast<int64_t>(std::floor(shared * static_cast<float>(shape[a]) + 0.5f));
  }
  return {};
}

Status read_modes(ImportNode& node, Resize& resize) {
  if (node.text("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize")
    return unsupported(
        "crops while it resizes (the attribute 'coordinate_transformation_mode' is 'tf_crop_and_resize'); crop with Slice before "
        "it");
  HT_ASSIGN(resize.mode, read_kind<ResizeMode>(node, "mode", "nearest", kResizeModeNames));
  HT_ASSIGN(resize.coordinates, read_kind<Coordinates>(node, "coordinate_transformation_mode", "half_pixel", kCoordinatesNames));
  HT_ASSIGN(resize.nearest, read_kind<NearestMode>(node, "nearest_mode", "round_prefer_floor", kNearestModeNames));
  resize.cubic_a = node.number("cubic_coeff_a", -0.75f);
  resize.exclude_outside = node.flag("exclude_outside");
  node.ignore("extrapolation_value");  // of tf_crop_and_resize
  if (node.opset() >= 18) resize.antialias = node.flag("antialias");
  return {};
}

}  // namespace

Status import_grid_sample(ImportNode& node) {
  const std::string mode = node.text("mode", node.opset() < 20 ? "bilinear" : "linear");
  const std::string padding = node.text("padding_mode", "zeros");
  GridSample sample;
  if (mode == "nearest") {
    sample.mode = ResizeMode::kNearest;
  } else if (mode == "bicubic" || mode == "cubic") {
    sample.mode = ResizeMode::kCubic;
  } else if (mode != "bilinear" && mode != "linear") {
    return node.wrong_attribute("mode", fmt::format("is '{}', which GridSample does not have", mode));
  }
  const auto found = std::ranges::find(kGridPaddingNames, padding);
  if (found == kGridPaddingNames.end())
    return node.wrong_attribute("padding_mode", fmt::format("is '{}', which GridSample does not have", padding));
  sample.padding = static_cast<GridPadding>(found - kGridPaddingNames.begin());
  sample.align_corners = node.flag("align_corners");
  return node.emit(sample, node.inputs());
}

Status import_roi_align(ImportNode& node) {
  const std::string mode = node.text("mode", "avg");
  if (mode != "avg" && mode != "max") return node.wrong_attribute("mode", "must be 'avg' or 'max'");
  RoiAlign align;
  align.maximum = mode == "max";
  align.half_pixel = false;
  if (node.opset() >= 16) {
    const std::string coordinates = node.text("coordinate_transformation_mode", "half_pixel");
    if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
      return node.wrong_attribute("coordinate_transformation_mode", "must be 'half_pixel' or 'output_half_pixel'");
    align.half_pixel = coordinates == "half_pixel";
  }
  align.height = node.integer("output_height", 1);
  align.width = node.integer("output_width", 1);
  align.samples = node.integer("sampling_ratio", 0);
  align.scale = node.number("spatial_scale", 1);
  return node.emit(align, node.inputs());
}

Status import_resize_10(ImportNode& node) {
  Resize resize;
  const std::string mode = node.text("mode", "nearest");
  if (mode != "nearest" && mode != "linear" && mode != "bilinear")
    return node.wrong_attribute("mode", "must be 'nearest' or 'linear'");
  resize.mode = mode == "nearest" ? ResizeMode::kNearest : ResizeMode::kLinear;
  resize.coordinates = Coordinates::kAsymmetric;
  if (node.op_type() == "Upsample" && node.opset() < 9) {
    resize.scales = node.numbers("scales");
  } else {
    HT_ASSIGN(const Tensor scales, node.constant(1, "scales"));
    resize.scales = scales.to_floats();
  }
  HT_TRY(size_by_scales(resize, node.shape(0)));
  HT_ASSIGN(resize.nearest, old_nearest(resize.scales));
  return node.emit(std::move(resize), {node.input(0)});
}

Status import_resize_11(ImportNode& node) {
  const Shape shape = node.shape(0);
  Resize resize;
  HT_TRY(read_modes(node, resize));
  Ints axes(shape.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (node.opset() >= 18) axes = node.integers("axes", axes);
  HT_ASSIGN(axes, resolve_axes(axes, shape.size()));
  if (axes.empty()) return input_error("names no axis to resize");

  // Up to opset 12 scales must be there, and are empty where sizes are meant.
  Floats scales;
  if (node.has_input(2)) {
    HT_ASSIGN(const Tensor tensor, node.constant(2, "scales"));
    scales = tensor.to_floats();
  }
  if (node.has_input(3) == !scales.empty()) return input_error("must have either scales or sizes");
  // It says how sizes are met; exporters write it beside scales too.
  const std::string policy = node.opset() >= 18 ? node.text("keep_aspect_ratio_policy", "stretch") : "stretch";
  if (node.has_input(3)) {
    HT_TRY(size_by_sizes(node, resize, shape, axes, policy));
  } else {
    HT_ASSIGN(resize.scales, spread_over_axes(scales, axes, Floats(shape.size(), 1)));
    HT_TRY(size_by_scales(resize, shape));
  }
  return node.emit(std::move(resize), {node.input(0)});
}

}  // namespace ht
