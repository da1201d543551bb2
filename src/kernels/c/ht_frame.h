// SPDX-License-Identifier: Apache-2.0
// A camera's frame in memory, read row by row as the 8-bit pixels that preprocessing starts from.
#ifndef HT_FRAME_H
#define HT_FRAME_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

// RGB888: red, green and blue, a byte each. RGB565: 16 bits, the low byte first, red in the highest five, green in six, blue in five;
// five bits v become (v << 3) | (v >> 2), six (v << 2) | (v >> 4), so that the highest value becomes 255. GRAY8: a byte.
enum { HT_FRAME_RGB888, HT_FRAME_RGB565, HT_FRAME_GRAY8 };

typedef struct ht_rectangle {
  int32_t x, y, width, height;
} ht_rectangle;

typedef struct ht_frame {
  const uint8_t* pixels;  // of the uppermost row
  int32_t width, height;
  int32_t stride;         // bytes from a row to the next one below; negative where frames lie upside down
  int32_t format;         // HT_FRAME_RGB888 ...
  ht_rectangle crop;      // the part that counts; a width of 0 means all
} ht_frame;

// Whether the sizes, the stride, the format and the crop make sense together; what else is here demands that.
bool ht_frame_is_valid(const ht_frame* frame);
// The crop, or all.
ht_rectangle ht_frame_region(const ht_frame* frame);
// Bytes that ht_frame_row needs for rows with so many channels (1 or 3); 0 where rows are read where they lie.
size_t ht_frame_scratch(const ht_frame* frame, int32_t channels);
// Row y of the region with channels interleaved: red, green and blue, or grey as OpenCV's cvtColor makes it.
const uint8_t* ht_frame_row(const ht_frame* frame, int32_t y, int32_t channels, uint8_t* scratch);

#ifdef __cplusplus
}
#endif

#endif
