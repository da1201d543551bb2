// SPDX-License-Identifier: Apache-2.0
#include "image/frame.h"

#include <algorithm>
#include <new>

namespace ht {
namespace {

int bytes_per_pixel(FrameFormat format) {
  switch (format) {
    case FrameFormat::kRgb888: return 3;
    case FrameFormat::kRgb565: return 2;
    case FrameFormat::kGray8: return 1;
  }
  return 1;
}

int32_t kernel_value(FrameFormat format) {
  switch (format) {
    case FrameFormat::kRgb888: return HT_FRAME_RGB888;
    case FrameFormat::kRgb565: return HT_FRAME_RGB565;
    case FrameFormat::kGray8: return HT_FRAME_GRAY8;
  }
  return HT_FRAME_RGB888;
}

}  // namespace

Frame frame_of(const Image& image) {
  return {image.pixels, image.width, image.height, 0, image.channels == 1 ? FrameFormat::kGray8 : FrameFormat::kRgb888, {}};
}

Result<ht_frame> kernel_frame(const Frame& frame) {
  constexpr int64_t kMostBytes = int64_t{1} << 30;
  const int64_t row = int64_t{frame.width} * bytes_per_pixel(frame.format), stride = frame.stride == 0 ? row : frame.stride;
  if (frame.width < 1 || frame.height < 1 || row > kMostBytes || stride < row || stride > kMostBytes)
    return input_error("a frame of {} x {} pixels with {} bytes a row cannot be", frame.width, frame.height, stride);
  const int64_t needed = stride * (frame.height - 1) + row;
  if (static_cast<int64_t>(frame.bytes.size()) < needed) {
    return input_error("the frame of {} x {} pixels needs {} bytes, it has {}", frame.width, frame.height, needed, frame.bytes.size());
  }
  ht_frame result = {frame.bytes.data(), frame.width, frame.height, static_cast<int32_t>(stride), kernel_value(frame.format), {}};
  if (frame.crop) result.crop = {frame.crop->x, frame.crop->y, frame.crop->width, frame.crop->height};
  if ((frame.crop && frame.crop->width < 1) || !ht_frame_is_valid(&result)) {
    return input_error("the crop of {} x {} pixels at {}, {} does not lie within the frame of {} x {}", result.crop.width,
                       result.crop.height, result.crop.x, result.crop.y, frame.width, frame.height);
  }
  return result;
}

Result<Image> to_image(const Frame& frame) {
  HT_ASSIGN(const ht_frame kernel, kernel_frame(frame));
  const ht_rectangle region = ht_frame_region(&kernel);
  try {
    Image image{region.width, region.height, 3, {}};
    image.pixels.resize(static_cast<size_t>(region.width) * static_cast<size_t>(region.height) * 3);
    std::vector<uint8_t> scratch(ht_frame_scratch(&kernel, 3));
    for (int y = 0; y < region.height; ++y)
      std::copy_n(ht_frame_row(&kernel, y, 3, scratch.data()), static_cast<size_t>(region.width) * 3, image.row(y));
    return image;
  } catch (const std::bad_alloc&) {
    return input_error("not enough memory for an image of {} x {} pixels", region.width, region.height);
  }
}

std::vector<uint8_t> pack_rgb565(const Image& image) {
  std::vector<uint8_t> packed;
  packed.reserve(image.pixels.size() / 3 * 2);
  for (size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    const int value = image.pixels[i] >> 3 << 11 | image.pixels[i + 1] >> 2 << 5 | image.pixels[i + 2] >> 3;
    packed.push_back(static_cast<uint8_t>(value & 255));
    packed.push_back(static_cast<uint8_t>(value >> 8));
  }
  return packed;
}

}  // namespace ht
