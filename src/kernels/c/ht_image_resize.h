// SPDX-License-Identifier: Apache-2.0
// Resizing of 8-bit images row by row, normative. Nearest, bilinear and area are OpenCV's resize bit for bit. Cubic has no single
// truth there: its own code rounds coefficients to 11 bits, while on x86-64 its packages call Intel's IPP, which computes in float
// and whose last bits depend on the processor. Ours is computed in float too; it differs by one from IPP in about one value
// of 100 000 (in one of 300 where enlarging by three makes many ties) and from OpenCV's own code (other processors, sources
// narrower than four pixels) in about one of 25.
// No allocation and no failure path: sizes are positive, the caller checks them and brings the scratch memory.
#ifndef HT_IMAGE_RESIZE_H
#define HT_IMAGE_RESIZE_H

#include "ht_frame.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HT_IMAGE_NEAREST, HT_IMAGE_BILINEAR, HT_IMAGE_AREA, HT_IMAGE_CUBIC };

typedef struct {
  int32_t width, height;   // to which the frame's region is resized
  int32_t left, columns;   // the part of its columns that is wanted
  int32_t channels;        // interleaved: 1 or 3
  int32_t interpolation;   // HT_IMAGE_NEAREST ...
} ht_image_resize_params;

// What is kept from row to row. It points to itself nowhere, but to the frame and to the scratch memory.
typedef struct {
  ht_image_resize_params sizes;
  const ht_frame* frame;
  ht_rectangle region;
  int32_t method;
  double scale_y;    // source rows a row
  void* columns;     // what each wanted column is made of
  void* rows[4];     // rows resized in width
  int32_t held[4];   // whose they are
  uint8_t* pixels;   // a row of the frame where it is not read in place
} ht_image_resizer;

// Bytes of scratch memory, aligned to 8, that a resizer needs: at most 32 a wanted column, 16 a column's channel, and a row of the frame.
size_t HT_FN(ht_image_resize_scratch)(const ht_image_resize_params* p, const ht_frame* frame);
// The frame and the scratch memory must stay as long as rows are asked for.
void HT_FN(ht_image_resize_begin)(ht_image_resizer* r, const ht_image_resize_params* p, const ht_frame* frame, void* scratch);
// The wanted columns of row y. Rows may be asked for in any order and come cheapest in rising order.
void HT_FN(ht_image_resize_row)(ht_image_resizer* r, int32_t y, uint8_t* out);

#ifdef __cplusplus
}
#endif

#endif
