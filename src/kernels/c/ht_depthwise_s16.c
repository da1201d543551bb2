// SPDX-License-Identifier: Apache-2.0
#include "ht_conv_s16.h"

// Scratch: a pixel's sums, of 64 bits and of 32.
size_t HT_FN(ht_depthwise_s16_scratch)(const ht_depthwise_s16_params* p) {
  return (size_t)p->depthwise.input_channels * (size_t)p->depthwise.channel_multiplier * (sizeof(int64_t) + sizeof(int32_t));
}

enum { TAPS = 256 };  // 32 bits hold the sum of so many products of 16 and 8 bits

static void sum_pixel(const ht_depthwise_s16_params* s16, const int16_t* image, int32_t oy, int32_t ox, int32_t* HT_RESTRICT narrow,
                      int64_t* HT_RESTRICT sums) {
  const ht_depthwise_params* p = &s16->depthwise;
  const int32_t multiplier = p->channel_multiplier, outputs = p->input_channels * multiplier;
  const int32_t taps = p->kernel_height * p->kernel_width;
  const int8_t* w = p->weights;
  for (int32_t c = 0; c < outputs; ++c) sums[c] = s16->bias[c];
  for (int32_t tap = 0; tap < taps;) {
    for (int32_t c = 0; c < outputs; ++c) narrow[c] = 0;
    for (const int32_t last = taps - tap < TAPS ? taps : tap + TAPS; tap < last; ++tap, w += outputs) {
      const int32_t y = oy * p->stride_height - p->pad_top + tap / p->kernel_width * p->dilation_height;
      const int32_t x = ox * p->stride_width - p->pad_left + tap % p->kernel_width * p->dilation_width;
      const bool inside = y >= 0 && y < p->input_height && x >= 0 && x < p->input_width;
      const int16_t* in = inside ? image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride : s16->padding;
      if (multiplier == 1) {
        for (int32_t c = 0; c < outputs; ++c) narrow[c] += (int32_t)in[c] * w[c];
      } else {
        for (int32_t c = 0; c < outputs; ++c) narrow[c] += (int32_t)in[c / multiplier] * w[c];
      }
    }
    for (int32_t c = 0; c < outputs; ++c) sums[c] += narrow[c];
  }
}

void HT_FN(ht_depthwise_s16)(const ht_depthwise_s16_params* s16, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_depthwise_params* p = &s16->depthwise;
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const int32_t outputs = p->input_channels * p->channel_multiplier;
  int64_t* sums = (int64_t*)a->scratch;
  int32_t* narrow = (int32_t*)(sums + outputs);
  for (int32_t row = begin; row < end; ++row) {
    const int16_t* image = (const int16_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      sum_pixel(s16, image, row % p->output_height, ox, narrow, sums);
      ht_finish_s16(&p->epilogue, &s16->output, 0, outputs, sums, a->output,
                    ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride);
    }
  }
}
