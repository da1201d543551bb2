// SPDX-License-Identifier: Apache-2.0
// From a photo to a model's input: `[preprocess]` of a recipe. Pixels are computed by the normative kernels/c/ht_image.h.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "image/frame.h"
#include "image/image.h"

namespace ht {

enum class ResizeRule { kLetterbox, kStretch, kCenterCrop, kNone };
enum class Place { kTopLeft, kCenter };
enum class ColorOrder { kBgr, kRgb, kGray };
enum class Interpolation { kBilinear, kArea, kNearest, kCubic };
enum class PixelLayout { kNchw, kNhwc };

// The names of the recipe. `parse_*` give nothing for a word that is not in the list.
std::string_view name_of(ResizeRule value);
std::string_view name_of(Place value);
std::string_view name_of(ColorOrder value);
std::string_view name_of(Interpolation value);
std::string_view name_of(PixelLayout value);
std::optional<ResizeRule> parse_resize(std::string_view name);
std::optional<Place> parse_place(std::string_view name);
std::optional<ColorOrder> parse_color_order(std::string_view name);
std::optional<Interpolation> parse_interpolation(std::string_view name);
std::optional<PixelLayout> parse_layout(std::string_view name);

// `pad`, `mean` and `std` are in the order of `color`, in 0..255; grey uses their first element alone.
struct Preprocess {
  int height = 0;
  int width = 0;
  ResizeRule resize = ResizeRule::kLetterbox;
  Place place = Place::kTopLeft;
  std::array<uint8_t, 3> pad = {114, 114, 114};
  ColorOrder color = ColorOrder::kBgr;
  std::array<float, 3> mean = {0, 0, 0};
  std::array<float, 3> std = {1, 1, 1};
  Interpolation interpolation = Interpolation::kBilinear;

  int channels() const { return color == ColorOrder::kGray ? 1 : 3; }
  int64_t elements() const { return int64_t{height} * width * channels(); }
  bool operator==(const Preprocess&) const = default;
};

// An error names the key of the recipe and what it may be.
Status check(const Preprocess& preprocess);

// Where the photo lies in the model's input: photo = (input - offset) / scale, per axis, in pixels.
struct PhotoPlacement {
  double scale_x = 1;
  double scale_y = 1;
  double offset_x = 0;
  double offset_y = 0;

  double photo_x(double input_x) const { return (input_x - offset_x) / scale_x; }
  double photo_y(double input_y) const { return (input_y - offset_y) / scale_y; }
  bool operator==(const PhotoPlacement&) const = default;
};

// An error where `resize` is "none" and the photo has another size, or where the photo's shape cannot be brought to the input's.
Result<PhotoPlacement> photo_placement(int photo_width, int photo_height, const Preprocess& preprocess);

// The model's input as 8-bit pixels: resized, placed and padded, channels interleaved in the order of `color`.
// Grey is taken first and resized then, as cvtColor followed by resize does.
Result<Image> preprocess_pixels(const Image& photo, const Preprocess& preprocess);

// The model's input: (pixel - mean) / std, one subtraction and one division in float. `out` has `elements()` elements.
Status preprocess(const Image& photo, const Preprocess& preprocess, PixelLayout layout, std::span<float> out);
// The same of a camera's frame, whose crop is the photo then.
Status preprocess(const Frame& frame, const Preprocess& preprocess, PixelLayout layout, std::span<float> out);

}  // namespace ht
