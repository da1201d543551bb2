// SPDX-License-Identifier: Apache-2.0
#ifndef HT_SAMPLE_H
#define HT_SAMPLE_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HT_SAMPLE_NEAREST = 0, HT_SAMPLE_LINEAR = 1, HT_SAMPLE_CUBIC = 2 };
enum { HT_SAMPLE_ZEROS = 0, HT_SAMPLE_BORDER = 1, HT_SAMPLE_REFLECTION = 2 };

// Floats of inputs[0] (NHWC) at the places that inputs[1] names: [batch][output_height][output_width] pairs (x, y), -1 and 1
// being the picture's ends: the middles of its outermost pixels with `align_corners`, else their outer edges. Taps as in
// ht_resample: along x then y, in order; those outside count as zeros or come from the border or the mirrored picture. A unit is
// an output row.
typedef struct ht_sample_f32_params {
  int32_t mode, padding, align_corners;
  int32_t batch;
  int32_t input_height, input_width, channels;
  int32_t output_height, output_width;
} ht_sample_f32_params;

static inline int32_t ht_sample_f32_units(const ht_sample_f32_params* p) { return p->batch * p->output_height; }
void HT_FN(ht_sample_f32)(const ht_sample_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
