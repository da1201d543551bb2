// SPDX-License-Identifier: Apache-2.0
#include "ht_detect_frame.h"

int32_t HT_FN(ht_detect_frame)(const ht_detect_params* p, const void* const* outputs, const ht_image_params* image, const ht_frame* frame,
                        ht_candidate* memory, int32_t capacity, ht_box* boxes) {
  const ht_rectangle region = HT_FN(ht_frame_region)(frame);
  const ht_image_mapping map = HT_FN(ht_image_map)(image, region.width, region.height);
  ht_detect_place place;
  place.scale_x = map.scale_x;
  place.scale_y = map.scale_y;
  place.offset_x = map.offset_x;
  place.offset_y = map.offset_y;
  place.width = (float)region.width;
  place.height = (float)region.height;
  const int32_t count = HT_FN(ht_detect)(p, outputs, &place, memory, capacity, boxes);
  for (int32_t i = 0; i < count; i++) {
    boxes[i].x0 += (float)region.x;
    boxes[i].y0 += (float)region.y;
    boxes[i].x1 += (float)region.x;
    boxes[i].y1 += (float)region.y;
  }
  return count;
}
