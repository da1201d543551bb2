// SPDX-License-Identifier: Apache-2.0
#ifndef HT_CONV_F32_H
#define HT_CONV_F32_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

// Float convolution, NHWC, weights [output_channels][kernel_height][kernel_width][input_channels / groups], padding by 0.
// Products are added one after another in the order of the weights, then the bias, which may be NULL. The result is clamped to
// [minimum, maximum]. A unit is an output row (of batch * output_height).
typedef struct ht_conv_f32_params {
  int32_t batch;
  int32_t input_height, input_width, input_channels, input_stride;
  int32_t output_height, output_width, output_channels, output_stride;
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t dilation_height, dilation_width;
  int32_t pad_top, pad_left;
  int32_t groups;
  const float* weights;
  const float* bias;
  const void* packed;  // what the variant's pack() wrote, NULL where it has none
  float minimum, maximum;
} ht_conv_f32_params;

static inline int32_t ht_conv_f32_units(const ht_conv_f32_params* p) { return p->batch * p->output_height; }
size_t HT_FN(ht_conv_f32_scratch)(const ht_conv_f32_params* p);
void HT_FN(ht_conv_f32)(const ht_conv_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// Output channel o reads input channel o / channel_multiplier; weights [kernel_height][kernel_width][channels * multiplier].
typedef struct ht_depthwise_f32_params {
  int32_t batch;
  int32_t input_height, input_width, input_channels, input_stride;
  int32_t output_height, output_width, output_stride;
  int32_t channel_multiplier;
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t dilation_height, dilation_width;
  int32_t pad_top, pad_left;
  const float* weights;
  const float* bias;
  float minimum, maximum;
} ht_depthwise_f32_params;

static inline int32_t ht_depthwise_f32_units(const ht_depthwise_f32_params* p) { return p->batch * p->output_height; }
void HT_FN(ht_depthwise_f32)(const ht_depthwise_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// output[b][m][n] = alpha * sum over k of A[b][m][k] * B[b][n][k] + beta * bias[n]; B is `weights` or inputs[1]. A unit is a row.
typedef struct ht_gemm_f32_params {
  int32_t batch, rows, columns, depth;
  int32_t a_stride, b_stride, output_stride;
  int32_t a_batch_stride, b_batch_stride, output_batch_stride;
  float alpha, beta;
  const float* weights;
  const float* bias;  // [columns] or NULL
} ht_gemm_f32_params;

static inline int32_t ht_gemm_f32_units(const ht_gemm_f32_params* p) { return p->batch * p->rows; }
void HT_FN(ht_gemm_f32)(const ht_gemm_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
