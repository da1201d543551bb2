// SPDX-License-Identifier: Apache-2.0
#ifndef HT_CONV_H
#define HT_CONV_H

#include "ht_epilogue.h"

#ifdef __cplusplus
extern "C" {
#endif

// inputs[0] int8 [batch][input_height][input_width][input_channels]; output
// [batch][output_height][output_width][output_channels], its type the epilogue's. A unit is an output row (of batch *
// output_height).
//
//   sum[o] = bias[o] + sum over taps and channels of weights[o][y][x][c] * q[c]
//
// where q is the stored input, and padding[c] outside of it. With padding = the input's zero points z, and
// bias[o] = b[o] - sum of weights[o][y][x][c] * z[c] over all taps, this is exactly b + sum of weights * (q - z).
typedef struct ht_conv_params {
  int32_t batch;
  int32_t input_height, input_width, input_channels, input_stride;
  int32_t output_height, output_width, output_channels, output_stride;
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t dilation_height, dilation_width;
  int32_t pad_top, pad_left;
  int32_t groups;
  const int8_t* weights;  // [output_channels][kernel_height][kernel_width][input_channels / groups]
  const int32_t* bias;    // [output_channels]
  const int8_t* padding;  // [input_channels]
  const void* packed;     // what the variant's pack() wrote, NULL where it has none
  ht_epilogue epilogue;
} ht_conv_params;

static inline int32_t ht_conv_units(const ht_conv_params* p) { return p->batch * p->output_height; }
size_t HT_FN(ht_conv_scratch)(const ht_conv_params* p);
void HT_FN(ht_conv)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
