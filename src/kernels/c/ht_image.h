// SPDX-License-Identifier: Apache-2.0
// Photos and camera frames to model inputs, row by row, normative. Grey is OpenCV's cvtColor, bit for bit, taken before resizing.
// No allocation and no failure path: sizes are positive, the caller checks them and brings the scratch memory.
#ifndef HT_IMAGE_H
#define HT_IMAGE_H

#include "ht_image_resize.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HT_IMAGE_LETTERBOX, HT_IMAGE_STRETCH, HT_IMAGE_CENTER_CROP, HT_IMAGE_NO_RESIZE };
enum { HT_IMAGE_TOP_LEFT, HT_IMAGE_CENTER };
enum { HT_IMAGE_BGR, HT_IMAGE_RGB, HT_IMAGE_GRAY };

// The part of a recipe's [preprocess] that pixels depend on. pad is in the order of color; grey uses pad[0].
typedef struct {
  int32_t width, height;
  int32_t resize;         // HT_IMAGE_LETTERBOX ...
  int32_t place;          // HT_IMAGE_TOP_LEFT ..., for a letterbox
  int32_t color;          // HT_IMAGE_BGR ...
  int32_t interpolation;  // HT_IMAGE_NEAREST ...
  uint8_t pad[3];
} ht_image_params;

static inline int32_t ht_image_channels(const ht_image_params* p) { return p->color == HT_IMAGE_GRAY ? 1 : 3; }

// The whole photo after resizing and where its corner lies in the input: negative where it is cropped.
typedef struct {
  int32_t width, height;
  int32_t left, top;
} ht_image_placement;

// The size is that of the photo. HT_IMAGE_NO_RESIZE demands a photo of the input's size.
ht_image_placement HT_FN(ht_image_place)(const ht_image_params* p, int32_t width, int32_t height);

// Places in the input to places on the photo: photo = (input - offset) / scale.
typedef struct {
  double scale_x, scale_y, offset_x, offset_y;
} ht_image_mapping;

ht_image_mapping HT_FN(ht_image_map)(const ht_image_params* p, int32_t width, int32_t height);

// The input of a frame as it comes into being. The frame and the scratch memory must stay.
typedef struct {
  ht_image_params params;
  ht_image_placement fit;
  int32_t begin, end;  // columns of the input that are not padding
  ht_image_resizer resizer;
} ht_image_stream;

// Bytes of scratch memory, aligned to 8.
size_t HT_FN(ht_image_scratch)(const ht_image_params* p, const ht_frame* frame);
// The frame must be valid.
void HT_FN(ht_image_begin)(ht_image_stream* s, const ht_image_params* p, const ht_frame* frame, void* scratch);
// Row y of the input in the order of color, channels interleaved. Rows may be asked for in any order and come cheapest in rising order.
void HT_FN(ht_image_row)(ht_image_stream* s, int32_t y, uint8_t* out);

#ifdef __cplusplus
}
#endif

#endif
