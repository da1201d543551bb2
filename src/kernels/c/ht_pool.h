// SPDX-License-Identifier: Apache-2.0
#ifndef HT_POOL_H
#define HT_POOL_H

#include "ht_epilogue.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HT_POOL_MAX = 0, HT_POOL_AVERAGE = 1 };

// Maximum or mean over windows; a window that is as large as the input and unpadded is the global mean. Taps outside
// of the input are left out; `count_padding` counts them in the divisor as zeros (those within pad_bottom and
// pad_right, as ONNX wants it). A unit is an output row (of batch * output_height).
//
// Mean under HT_FLOAT_HALF_EVEN: sum = sum of (q - input_zero_point[c]); clamp(round_half_even(float(sum) / float(count) *
// multiplier.real[c]) + zero_point[c]). Under HT_FIXED_SINGLE, HT_FIXED_DOUBLE: docs/NUMERICS.md. The maximum keeps the input's scale.
typedef struct ht_pool_params {
  int32_t kind;
  int32_t batch;
  int32_t input_height, input_width, channels, input_stride;
  int32_t output_height, output_width, output_stride;
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t dilation_height, dilation_width;
  int32_t pad_top, pad_left, pad_bottom, pad_right;
  int32_t count_padding;
  int32_t channel_step;            // mean only: 0 where every array has one entry, not under HT_FLOAT_HALF_EVEN; else 1
  const int8_t* input_zero_point;  // [channels], mean only
  ht_epilogue epilogue;            // mean only: HT_OUTPUT_S8, multiplier = input scale / output scale
} ht_pool_params;

static inline int32_t ht_pool_units(const ht_pool_params* p) { return p->batch * p->output_height; }
size_t HT_FN(ht_pool_scratch)(const ht_pool_params* p);
void HT_FN(ht_pool)(const ht_pool_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// The same windows over floats; a mean is the sum of the taps in row order divided by their count.
typedef struct ht_pool_f32_params {
  int32_t kind;
  int32_t batch;
  int32_t input_height, input_width, channels, input_stride;
  int32_t output_height, output_width, output_stride;
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t dilation_height, dilation_width;
  int32_t pad_top, pad_left, pad_bottom, pad_right;
  int32_t count_padding;
} ht_pool_f32_params;

static inline int32_t ht_pool_f32_units(const ht_pool_f32_params* p) { return p->batch * p->output_height; }
void HT_FN(ht_pool_f32)(const ht_pool_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
