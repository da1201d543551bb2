// SPDX-License-Identifier: Apache-2.0
// One decoder a file format, for decode.cpp alone.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "image/decode.h"
#include "image/image.h"

namespace ht {

struct Decoded {
  Image image;          // three channels, red first, as the file's rows stand
  int orientation = 1;  // EXIF's, 1 to 8
};

Result<Decoded> decode_jpeg(std::span<const uint8_t> bytes, const DecodeLimits& limits);
Result<Decoded> decode_png(std::span<const uint8_t> bytes, const DecodeLimits& limits);
Result<Decoded> decode_webp(std::span<const uint8_t> bytes, const DecodeLimits& limits);

// An image of that size with three channels, or an error where it has more pixels than `limits` allow.
Result<Image> allocate_image(int64_t width, int64_t height, const DecodeLimits& limits);

}  // namespace ht
