// SPDX-License-Identifier: Apache-2.0
#ifndef HT_ROI_ALIGN_H
#define HT_ROI_ALIGN_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HT_ROI_MOST_SAMPLES 1024

// Cells of regions of pictures: inputs[0] are floats (NHWC), inputs[1] four floats a region (x and y of its corners, to be
// multiplied with `scale`), inputs[2] the picture of each (HT_I32 or HT_I64). A cell is the mean, or the maximum of the weighted
// taps, of `samples` by `samples` places at even distances in it, linear between pixels; without a number there are as many a side
// as a cell has pixels, HT_ROI_MOST_SAMPLES at most. Places more than a pixel outside count as zeros. A unit is an output row.
typedef struct ht_roi_align_f32_params {
  int32_t index_type, maximum, half_pixel, samples;
  float scale;
  int32_t batch;
  int32_t input_height, input_width, channels;
  int32_t regions, output_height, output_width;
} ht_roi_align_f32_params;

static inline int32_t ht_roi_align_f32_units(const ht_roi_align_f32_params* p) { return p->regions * p->output_height; }
void HT_FN(ht_roi_align_f32)(const ht_roi_align_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
