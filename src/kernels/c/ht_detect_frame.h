// SPDX-License-Identifier: Apache-2.0
// Boxes in pixels of the camera's frame that a model's input was made from.
#ifndef HT_DETECT_FRAME_H
#define HT_DETECT_FRAME_H

#include "ht_detect.h"
#include "ht_image.h"

#ifdef __cplusplus
extern "C" {
#endif

// ht_detect() on the part of the frame that counts, then moved by the crop's corner. `capacity` is the room for candidates in
// `memory`; `boxes` has room for max_detections. Returns the number of boxes.
int32_t HT_FN(ht_detect_frame)(const ht_detect_params* p, const void* const* outputs, const ht_image_params* image, const ht_frame* frame,
                        ht_candidate* memory, int32_t capacity, ht_box* boxes);

#ifdef __cplusplus
}
#endif

#endif
