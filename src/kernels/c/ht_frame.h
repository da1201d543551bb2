// SPDX-License-Identifier: Apache-2.0
// A camera's frame in memory, read row by row as the 8-bit pixels that preprocessing starts from.
#ifndef HT_FRAME_H
#define HT_FRAME_H

#include "ht_camera.h"
#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

// Whether the sizes, the stride, the format and the crop make sense together; what else is here demands that.
bool HT_FN(ht_frame_is_valid)(const ht_frame* frame);
// The crop, or all.
ht_rectangle HT_FN(ht_frame_region)(const ht_frame* frame);
// Bytes that ht_frame_row needs for rows with so many channels (1 or 3); 0 where rows are read where they lie.
size_t HT_FN(ht_frame_scratch)(const ht_frame* frame, int32_t channels);
// Row y of the region with channels interleaved: red, green and blue, or grey as OpenCV's cvtColor makes it.
const uint8_t* HT_FN(ht_frame_row)(const ht_frame* frame, int32_t y, int32_t channels, uint8_t* scratch);

#ifdef __cplusplus
}
#endif

#endif
