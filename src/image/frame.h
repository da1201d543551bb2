// SPDX-License-Identifier: Apache-2.0
// A camera's frame, as kernels/c/ht_frame.h defines its formats.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "image/image.h"
#include "kernels/c/ht_frame.h"

namespace ht {

enum class FrameFormat { kRgb888, kRgb565, kGray8 };

struct Crop {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;
  bool operator==(const Crop&) const = default;
};

struct Frame {
  std::span<const uint8_t> bytes;  // from the uppermost row on
  int width = 0;
  int height = 0;
  int stride = 0;  // bytes from a row to the next; 0: rows without gaps
  FrameFormat format = FrameFormat::kRgb888;
  std::optional<Crop> crop;  // the part that counts
};

// The frame that an image of three channels, or one, is. It refers to the image.
Frame frame_of(const Image& image);

// The same for the kernels. An error where sizes, stride and crop do not fit each other or the bytes.
Result<ht_frame> kernel_frame(const Frame& frame);

// The part of the frame that counts as an image of three channels, red first.
Result<Image> to_image(const Frame& frame);

// The image's pixels as a frame of RGB565 without gaps, the lowest bits cut off. The image has three channels.
std::vector<uint8_t> pack_rgb565(const Image& image);

}  // namespace ht
