// SPDX-License-Identifier: Apache-2.0
// From a frame to a model's input in its own type and layout, band by band.
#ifndef HT_PREPROCESS_H
#define HT_PREPROCESS_H

#include "ht_image.h"
#include "ht_values.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ht_preprocess_params {
  ht_image_params image;
  int32_t type;  // HT_VALUES_F32 ...
  // Channel c of the pixel x, y is element y * row_step + x * pixel_step + c * channel_step.
  int32_t row_step, pixel_step, channel_step;
  const void* tables[3];  // what each channel's pixels 0 .. 255 become: 256 elements of the type
} ht_preprocess_params;

typedef struct ht_preprocess_stream {
  const ht_preprocess_params* params;
  uint8_t* pixels;  // a row
  ht_image_stream image;
} ht_preprocess_stream;

// Whether the frame is valid and of a size that the input can be made from: without resizing, the input's own; else the resized
// frame has no more than 2^28 pixels before it is cropped.
bool HT_FN(ht_preprocess_accepts)(const ht_preprocess_params* p, const ht_frame* frame);
// Bytes of scratch memory, aligned to 8.
size_t HT_FN(ht_preprocess_scratch)(const ht_preprocess_params* p, const ht_frame* frame);
// Parameters, frame and scratch memory must stay as long as rows are asked for.
void HT_FN(ht_preprocess_begin)(ht_preprocess_stream* s, const ht_preprocess_params* p, const ht_frame* frame, void* scratch);
// Rows [begin, end) of the input; `out` is where row `begin` begins. Any order, the rising one is the cheapest.
void HT_FN(ht_preprocess_rows)(ht_preprocess_stream* s, int32_t begin, int32_t end, void* out);

#ifdef __cplusplus
}
#endif

#endif
