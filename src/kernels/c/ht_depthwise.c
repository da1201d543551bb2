// SPDX-License-Identifier: Apache-2.0
#include "ht_depthwise.h"

#include "ht_finish.h"

enum { HT_TAPS_AT_ONCE = 9 };

// Scratch: a row of sums.
size_t HT_FN(ht_depthwise_scratch)(const ht_depthwise_params* p) {
  return (size_t)p->input_channels * (size_t)p->channel_multiplier * sizeof(int32_t);
}

static int32_t product(int8_t a, int8_t b) { return (int16_t)((int16_t)a * (int16_t)b); }

static void add_tap(const int8_t* HT_RESTRICT x, const int8_t* HT_RESTRICT w, int32_t count, int32_t* HT_RESTRICT sums) {
  for (int32_t c = 0; c < count; ++c) sums[c] += product(x[c], w[c]);
}

static void add_nine_taps(const int8_t* const x[HT_TAPS_AT_ONCE], const int8_t* HT_RESTRICT w, int32_t count,
                          int32_t* HT_RESTRICT sums) {
  const int8_t *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3], *x4 = x[4], *x5 = x[5], *x6 = x[6], *x7 = x[7], *x8 = x[8];
  const int8_t *w0 = w, *w1 = w0 + count, *w2 = w1 + count, *w3 = w2 + count, *w4 = w3 + count, *w5 = w4 + count;
  const int8_t *w6 = w5 + count, *w7 = w6 + count, *w8 = w7 + count;
  for (int32_t c = 0; c < count; ++c) {
    sums[c] += product(x0[c], w0[c]) + product(x1[c], w1[c]) + product(x2[c], w2[c]) + product(x3[c], w3[c]) +
               product(x4[c], w4[c]) + product(x5[c], w5[c]) + product(x6[c], w6[c]) + product(x7[c], w7[c]) +
               product(x8[c], w8[c]);
  }
}

static const int8_t* tap(const ht_depthwise_params* p, const int8_t* image, int32_t oy, int32_t ox, int32_t index) {
  const int32_t y = oy * p->stride_height - p->pad_top + index / p->kernel_width * p->dilation_height;
  const int32_t x = ox * p->stride_width - p->pad_left + index % p->kernel_width * p->dilation_width;
  const bool inside = y >= 0 && y < p->input_height && x >= 0 && x < p->input_width;
  return inside ? image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride : p->padding;
}

static void sum_pixel(const ht_depthwise_params* p, const int8_t* image, int32_t oy, int32_t ox, int32_t* HT_RESTRICT sums) {
  const int32_t outputs = p->input_channels * p->channel_multiplier;
  const int32_t taps = p->kernel_height * p->kernel_width;
  const int8_t* w = p->weights;
  int32_t t = 0;
  for (int32_t c = 0; c < outputs; ++c) sums[c] = p->bias[c];
  if (p->channel_multiplier == 1) {
    for (; t + HT_TAPS_AT_ONCE <= taps; t += HT_TAPS_AT_ONCE, w += HT_TAPS_AT_ONCE * outputs) {
      const int8_t* x[HT_TAPS_AT_ONCE];
      for (int32_t i = 0; i < HT_TAPS_AT_ONCE; ++i) x[i] = tap(p, image, oy, ox, t + i);
      add_nine_taps(x, w, outputs, sums);
    }
    for (; t < taps; ++t, w += outputs) add_tap(tap(p, image, oy, ox, t), w, outputs, sums);
    return;
  }
  for (; t < taps; ++t, w += outputs) {
    const int8_t* x = tap(p, image, oy, ox, t);
    for (int32_t c = 0; c < p->input_channels; ++c)
      for (int32_t m = 0; m < p->channel_multiplier; ++m)
        sums[c * p->channel_multiplier + m] += product(x[c], w[c * p->channel_multiplier + m]);
  }
}

void HT_FN(ht_depthwise)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const int32_t outputs = p->input_channels * p->channel_multiplier;
  int32_t* sums = (int32_t*)a->scratch;
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      sum_pixel(p, image, row % p->output_height, ox, sums);
      ht_finish(&p->epilogue, 0, outputs, sums, a->output,
                ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride);
    }
  }
}
