// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.h"
#include "image/image.h"

namespace ht {

// Images of one or three channels. The same pixels give the same bytes.
Result<std::vector<uint8_t>> encode_png(const Image& image);
Result<std::vector<uint8_t>> encode_jpeg(const Image& image, int quality = 90);

// In the format that the path's ending names: .png, .jpg or .jpeg.
Status write_image(const std::filesystem::path& path, const Image& image);

}  // namespace ht
