// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "image/image.h"

namespace ht {

struct Color {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
  bool operator==(const Color&) const = default;
};

// A colour for a class: neighbouring numbers get colours far apart.
Color class_color(int index);

struct LabelledBox {
  double x = 0;  // the left upper corner and the size, in pixels of the image
  double y = 0;
  double width = 0;
  double height = 0;
  std::string label;  // drawn above the box; characters outside ASCII may be missing
  Color color;
};

// The photo with the boxes over it, in order. Labels use a font that is part of the program, so they look the same everywhere.
Result<Image> draw_boxes(const Image& photo, std::span<const LabelledBox> boxes);

struct Captioned {
  Image image;
  std::string caption;
};

// The images from left to right at the height of the first, each under its caption.
Result<Image> side_by_side(std::span<const Captioned> images);

}  // namespace ht
