// SPDX-License-Identifier: Apache-2.0
// What a detector takes from a camera and gives back. It stands by itself, for programs include it that are compiled in their own way.
#ifndef HT_CAMERA_H
#define HT_CAMERA_H

#include <stdint.h>

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

// In pixels of the frame, the corner of its first pixel being 0, 0; the score is a probability.
typedef struct ht_box {
  float x0, y0, x1, y1;
  float score;
  int32_t class_index;
} ht_box;

#endif
