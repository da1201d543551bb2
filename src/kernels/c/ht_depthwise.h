// SPDX-License-Identifier: Apache-2.0
#ifndef HT_DEPTHWISE_H
#define HT_DEPTHWISE_H

#include "ht_epilogue.h"

#ifdef __cplusplus
extern "C" {
#endif

// As ht_conv with one input channel an output channel: output channel o reads input channel o / channel_multiplier.
// A unit is an output row (of batch * output_height).
typedef struct ht_depthwise_params {
  int32_t batch;
  int32_t input_height, input_width, input_channels, input_stride;
  int32_t output_height, output_width, output_stride;
  int32_t channel_multiplier;
  int32_t kernel_height, kernel_width;
  int32_t stride_height, stride_width;
  int32_t dilation_height, dilation_width;
  int32_t pad_top, pad_left;
  const int8_t* weights;  // [kernel_height][kernel_width][input_channels * channel_multiplier]
  const int32_t* bias;    // [input_channels * channel_multiplier], folded as in ht_conv
  const int8_t* padding;  // [input_channels]
  const void* packed;     // what the variant's pack() wrote, NULL where it has none
  ht_epilogue epilogue;
} ht_depthwise_params;

static inline int32_t ht_depthwise_units(const ht_depthwise_params* p) { return p->batch * p->output_height; }
size_t HT_FN(ht_depthwise_scratch)(const ht_depthwise_params* p);
void HT_FN(ht_depthwise)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
