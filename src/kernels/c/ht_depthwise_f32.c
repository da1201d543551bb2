// SPDX-License-Identifier: Apache-2.0
#include "ht_conv_f32.h"

static void add_tap(const float* HT_RESTRICT x, const float* HT_RESTRICT w, int32_t channels, int32_t multiplier,
                    float* HT_RESTRICT out) {
  if (multiplier == 1) {
    for (int32_t c = 0; c < channels; ++c) out[c] += x[c] * w[c];
    return;
  }
  for (int32_t c = 0; c < channels; ++c)
    for (int32_t m = 0; m < multiplier; ++m) out[c * multiplier + m] += x[c] * w[c * multiplier + m];
}

static void clip_row(const ht_depthwise_f32_params* p, int32_t count, float* out) {
  for (int32_t o = 0; o < count; ++o) {
    const float x = out[o] < p->minimum ? p->minimum : out[o];
    out[o] = x > p->maximum ? p->maximum : x;
  }
}

void HT_FN(ht_depthwise_f32)(const ht_depthwise_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t outputs = p->input_channels * p->channel_multiplier;
  for (int32_t row = begin; row < end; ++row) {
    const float* image =
        (const float*)a->inputs[0] + (ptrdiff_t)(row / p->output_height) * p->input_height * p->input_width * p->input_stride;
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      float* out = (float*)a->output + ((ptrdiff_t)row * p->output_width + ox) * p->output_stride;
      for (int32_t o = 0; o < outputs; ++o) out[o] = p->bias ? p->bias[o] : 0.0f;
      for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
        const int32_t y = row % p->output_height * p->stride_height - p->pad_top + ky * p->dilation_height;
        if (y < 0 || y >= p->input_height) continue;
        for (int32_t kx = 0; kx < p->kernel_width; ++kx) {
          const int32_t x = ox * p->stride_width - p->pad_left + kx * p->dilation_width;
          if (x < 0 || x >= p->input_width) continue;
          add_tap(image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride,
                  p->weights + ((ptrdiff_t)ky * p->kernel_width + kx) * outputs, p->input_channels, p->channel_multiplier, out);
        }
      }
      clip_row(p, outputs, out);
    }
  }
}
