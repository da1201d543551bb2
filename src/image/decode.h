// SPDX-License-Identifier: Apache-2.0
// JPEG, PNG and WebP files to pixels: the pixels that OpenCV's imread gives, because detectors were trained with those.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.h"
#include "image/image.h"

namespace ht {

struct DecodeLimits {
  int64_t max_pixels = int64_t{1} << 28;
  int64_t max_file_bytes = int64_t{1} << 30;
};

// Three channels, red first, whatever the file holds: grey is spread, a palette resolved, 16 bits cut to 8, alpha dropped, CMYK
// converted, and the photo turned as its EXIF orientation says. Stricter than imread: a file that ends early or whose data are
// damaged is an error, not a picture that is grey in part.
Result<Image> decode_image(std::span<const uint8_t> bytes, const DecodeLimits& limits = {});
Result<Image> read_image(const std::filesystem::path& path, const DecodeLimits& limits = {});

}  // namespace ht
