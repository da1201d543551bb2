// SPDX-License-Identifier: Apache-2.0
#ifndef HT_RESAMPLE_H
#define HT_RESAMPLE_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

// One axis of a separable resize: output position i reads taps positions index[i * taps + t] (inside the input).
// Weights of a position sum to 1 in float and to 2^HT_RESAMPLE_BITS in integers; with taps = 1 they are not read.
enum { HT_RESAMPLE_BITS = 11 };

typedef struct ht_resample_axis {
  int32_t taps;
  const int32_t* index;
  const int16_t* fixed;  // integer kernel
  const float* weight;   // float kernel
} ht_resample_axis;

// The output keeps the input's scales. int8: rows of taps first along x, then along y, exact in int32, then one rounding
// half up by 2^(2 * HT_RESAMPLE_BITS) and a clamp. float: along x then y, taps in order. A unit is an output row.
typedef struct ht_resample_params {
  int32_t batch;
  int32_t input_height, input_width, channels, input_stride;
  int32_t output_height, output_width, output_stride;
  ht_resample_axis y, x;
} ht_resample_params;

static inline int32_t ht_resample_units(const ht_resample_params* p) { return p->batch * p->output_height; }
static inline int32_t ht_resample_f32_units(const ht_resample_params* p) { return p->batch * p->output_height; }
void HT_FN(ht_resample)(const ht_resample_params* p, const ht_arguments* a, int32_t begin, int32_t end);
void HT_FN(ht_resample_f32)(const ht_resample_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
