// SPDX-License-Identifier: Apache-2.0
#include "image/draw.h"

#include "halftone/operations.h"
#include "image/decode.h"
#include "image/encode.h"

namespace ht {
namespace {

Result<Image> drawn(const Image& photo, std::span<const halftone::Detection> detections) {
  std::vector<LabelledBox> boxes;
  // The best is drawn last, over the others.
  for (size_t i = detections.size(); i-- > 0;) {
    const halftone::Detection& found = detections[i];
    boxes.push_back({found.bbox[0], found.bbox[1], found.bbox[2], found.bbox[3], fmt::format("{} {:.2f}", found.category, found.score),
                     class_color(static_cast<int>(found.category_id))});
  }
  return draw_boxes(photo, boxes);
}

}  // namespace
}  // namespace ht

namespace halftone {

Status draw_detections(const std::filesystem::path& image, std::span<const Detection> detections, const std::filesystem::path& output) {
  HT_ASSIGN(const ht::Image photo, ht::read_image(image));
  HT_ASSIGN(const ht::Image picture, ht::drawn(photo, detections));
  return ht::write_image(output, picture);
}

Status draw_side_by_side(const std::filesystem::path& image, std::span<const CaptionedDetections> panels, const std::filesystem::path& output) {
  HT_ASSIGN(const ht::Image photo, ht::read_image(image));
  std::vector<ht::Captioned> pictures;
  for (const CaptionedDetections& panel : panels) {
    HT_ASSIGN(ht::Image picture, ht::drawn(photo, panel.detections));
    pictures.push_back({std::move(picture), panel.caption});
  }
  HT_ASSIGN(const ht::Image all, ht::side_by_side(pictures));
  return ht::write_image(output, all);
}

}  // namespace halftone
