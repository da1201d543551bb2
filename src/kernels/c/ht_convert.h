// SPDX-License-Identifier: Apache-2.0
#ifndef HT_CONVERT_H
#define HT_CONVERT_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

// float to int8: clamp(round_half_even(x / scale[c]) + zero_point[c], -128, 127), NaN becomes the zero point.
// int8 to float: float(q - zero_point[c]) * scale[c]. `channel_step` is 1 (a scale a channel) or 0 (one). A unit is a row.
typedef struct ht_convert_params {
  int32_t rows, channels;
  int32_t input_stride, output_stride;
  int32_t channel_step;
  int32_t plane;  // of what ht_quantize reads: 0, or rows are pixels whose channels lie in planes, so many elements from one to the next
  const float* scale;
  const int8_t* zero_point;
} ht_convert_params;

static inline int32_t ht_quantize_units(const ht_convert_params* p) { return p->rows; }
static inline int32_t ht_dequantize_units(const ht_convert_params* p) { return p->rows; }
void HT_FN(ht_quantize)(const ht_convert_params* p, const ht_arguments* a, int32_t begin, int32_t end);
void HT_FN(ht_dequantize)(const ht_convert_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// The same between float and int16, with zero points of as many bits in place of convert.zero_point.
typedef struct ht_convert_s16_params {
  ht_convert_params convert;
  const int16_t* zero_point;
} ht_convert_s16_params;

static inline int32_t ht_quantize_s16_units(const ht_convert_s16_params* p) { return p->convert.rows; }
static inline int32_t ht_dequantize_s16_units(const ht_convert_s16_params* p) { return p->convert.rows; }
void HT_FN(ht_quantize_s16)(const ht_convert_s16_params* p, const ht_arguments* a, int32_t begin, int32_t end);
void HT_FN(ht_dequantize_s16)(const ht_convert_s16_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
