// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "image/image.h"

namespace ht {

// The orientation, 1 to 8, in an EXIF block that starts with its TIFF header; 1 where there is none or the block is damaged.
int exif_orientation(std::span<const uint8_t> tiff);

// The image turned and mirrored so that it stands upright.
Image upright(Image image, int orientation);

}  // namespace ht
