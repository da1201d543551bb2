// SPDX-License-Identifier: Apache-2.0
#include "image/preprocess.h"

#include <cmath>
#include <new>
#include <utility>
#include <vector>

#include "base/checked.h"
#include "image/frame.h"
#include "image/input_kernel.h"
#include "image/kernel_values.h"

namespace ht {
namespace {

// An input side and a photo resized before cropping stay below these, so that no size in the kernels overflows.
constexpr int kMaxSide = 1 << 15;
constexpr int64_t kMaxPixels = int64_t{1} << 28;

template <class Enum>
struct Named {
  Enum value;
  std::string_view name;
};

constexpr Named<ResizeRule> kResizes[] = {{ResizeRule::kLetterbox, "letterbox"},
                                          {ResizeRule::kStretch, "stretch"},
                                          {ResizeRule::kCenterCrop, "center-crop"},
                                          {ResizeRule::kNone, "none"}};
constexpr Named<Place> kPlaces[] = {{Place::kTopLeft, "top-left"}, {Place::kCenter, "center"}};
constexpr Named<ColorOrder> kColors[] = {{ColorOrder::kBgr, "bgr"}, {ColorOrder::kRgb, "rgb"}, {ColorOrder::kGray, "gray"}};
constexpr Named<Interpolation> kInterpolations[] = {{Interpolation::kBilinear, "bilinear"},
                                                    {Interpolation::kArea, "area"},
                                                    {Interpolation::kNearest, "nearest"},
                                                    {Interpolation::kCubic, "cubic"}};
constexpr Named<PixelLayout> kLayouts[] = {{PixelLayout::kNchw, "nchw"}, {PixelLayout::kNhwc, "nhwc"}};

template <class Enum, size_t N>
std::string_view find_name(const Named<Enum> (&table)[N], Enum value) {
  for (const auto& entry : table)
    if (entry.value == value) return entry.name;
  return {};
}

template <class Enum, size_t N>
std::optional<Enum> find_value(const Named<Enum> (&table)[N], std::string_view name) {
  for (const auto& entry : table)
    if (entry.name == name) return entry.value;
  return std::nullopt;
}

int32_t kernel_value(ResizeRule value) {
  switch (value) {
    case ResizeRule::kLetterbox:
      return HT_IMAGE_LETTERBOX;
    case ResizeRule::kStretch:
      return HT_IMAGE_STRETCH;
    case ResizeRule::kCenterCrop:
      return HT_IMAGE_CENTER_CROP;
    case ResizeRule::kNone:
      return HT_IMAGE_NO_RESIZE;
  }
  return HT_IMAGE_NO_RESIZE;
}

int32_t kernel_value(ColorOrder value) {
  switch (value) {
    case ColorOrder::kBgr:
      return HT_IMAGE_BGR;
    case ColorOrder::kRgb:
      return HT_IMAGE_RGB;
    case ColorOrder::kGray:
      return HT_IMAGE_GRAY;
  }
  return HT_IMAGE_BGR;
}

int32_t kernel_value(Interpolation value) {
  switch (value) {
    case Interpolation::kBilinear:
      return HT_IMAGE_BILINEAR;
    case Interpolation::kArea:
      return HT_IMAGE_AREA;
    case Interpolation::kNearest:
      return HT_IMAGE_NEAREST;
    case Interpolation::kCubic:
      return HT_IMAGE_CUBIC;
  }
  return HT_IMAGE_BILINEAR;
}

Status check_photo(int width, int height, const Preprocess& p) {
  HT_TRY(check(p));
  const auto pixels = checked_mul(width, height);
  if (!pixels || *pixels < 1 || *pixels > kMaxPixels)
    return input_error("a photo of {} x {} pixels cannot be resized", width, height);
  if (p.resize == ResizeRule::kNone && (width != p.width || height != p.height)) {
    return input_error("the photo has {} x {} pixels and the model takes {} x {}; with resize = \"none\" they must be equal",
                       width, height, p.width, p.height);
  }
  if (p.resize == ResizeRule::kCenterCrop) {
    const double scale = std::max(static_cast<double>(p.width) / width, static_cast<double>(p.height) / height);
    if (width * scale * height * scale > static_cast<double>(kMaxPixels)) {
      return input_error("a photo of {} x {} pixels is too narrow to be cropped to {} x {}", width, height, p.width, p.height);
    }
  }
  return {};
}

}  // namespace

ht_image_params kernel_parameters(const Preprocess& p) {
  ht_image_params parameters{};
  parameters.width = p.width;
  parameters.height = p.height;
  parameters.resize = kernel_value(p.resize);
  parameters.place = p.place == Place::kCenter ? HT_IMAGE_CENTER : HT_IMAGE_TOP_LEFT;
  parameters.color = kernel_value(p.color);
  parameters.interpolation = kernel_value(p.interpolation);
  for (size_t c = 0; c < 3; ++c) parameters.pad[c] = p.pad[c];
  return parameters;
}

std::string_view name_of(ResizeRule value) { return find_name(kResizes, value); }
std::string_view name_of(Place value) { return find_name(kPlaces, value); }
std::string_view name_of(ColorOrder value) { return find_name(kColors, value); }
std::string_view name_of(Interpolation value) { return find_name(kInterpolations, value); }
std::string_view name_of(PixelLayout value) { return find_name(kLayouts, value); }
std::optional<ResizeRule> parse_resize(std::string_view name) { return find_value(kResizes, name); }
std::optional<Place> parse_place(std::string_view name) { return find_value(kPlaces, name); }
std::optional<ColorOrder> parse_color_order(std::string_view name) { return find_value(kColors, name); }
std::optional<Interpolation> parse_interpolation(std::string_view name) { return find_value(kInterpolations, name); }
std::optional<PixelLayout> parse_layout(std::string_view name) { return find_value(kLayouts, name); }

Status check(const Preprocess& p) {
  if (p.height < 1 || p.width < 1 || p.height > kMaxSide || p.width > kMaxSide) {
    return input_error("size = [{}, {}] must be a height and a width between 1 and {}", p.height, p.width, kMaxSide)
        .in("preprocess");
  }
  for (int c = 0; c < p.channels(); ++c) {
    if (!std::isfinite(p.mean[c])) return input_error("mean must be finite numbers").in("preprocess");
    if (!std::isfinite(p.std[c]) || !(p.std[c] > 0)) return input_error("std must be finite numbers above 0").in("preprocess");
  }
  return {};
}

Result<PhotoPlacement> photo_placement(int photo_width, int photo_height, const Preprocess& p) {
  HT_TRY(check_photo(photo_width, photo_height, p));
  const ht_image_params parameters = kernel_parameters(p);
  const ht_image_mapping map = ht_image_map(&parameters, photo_width, photo_height);
  return PhotoPlacement{map.scale_x, map.scale_y, map.offset_x, map.offset_y};
}

Result<Image> preprocess_pixels(const Image& photo, const Preprocess& p) {
  if (photo.channels != 3) return usage_error("a photo has three channels, this one has {}", photo.channels);
  HT_TRY(check_photo(photo.width, photo.height, p));
  HT_ASSIGN(const ht_frame frame, kernel_frame(frame_of(photo)));
  try {
    const ht_image_params parameters = kernel_parameters(p);
    Image input{p.width, p.height, p.channels(), {}};
    input.pixels.resize(static_cast<size_t>(p.elements()));
    std::vector<uint64_t> scratch(ht_image_scratch(&parameters, &frame) / sizeof(uint64_t) + 1);
    ht_image_stream stream;
    ht_image_begin(&stream, &parameters, &frame, scratch.data());
    for (int y = 0; y < p.height; ++y) ht_image_row(&stream, y, input.row(y));
    return input;
  } catch (const std::bad_alloc&) {
    return input_error("not enough memory to resize a photo of {} x {} pixels", photo.width, photo.height);
  }
}

Status preprocess(const Frame& frame, const Preprocess& p, PixelLayout layout, std::span<float> out) {
  if (static_cast<int64_t>(out.size()) != p.elements()) {
    return usage_error("the input has {} elements, the buffer {}", p.elements(), out.size());
  }
  InputElements elements;
  elements.layout = layout;
  HT_ASSIGN(const InputKernel kernel, InputKernel::make(p, elements));
  return kernel.fill(frame, std::as_writable_bytes(out));
}

Status preprocess(const Image& photo, const Preprocess& p, PixelLayout layout, std::span<float> out) {
  if (photo.channels != 3) return usage_error("a photo has three channels, this one has {}", photo.channels);
  return preprocess(frame_of(photo), p, layout, out);
}

}  // namespace ht
