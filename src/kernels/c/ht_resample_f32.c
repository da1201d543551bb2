// SPDX-License-Identifier: Apache-2.0
#include "ht_resample.h"

void HT_FN(ht_resample_f32)(const ht_resample_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t y_taps = p->y.taps, x_taps = p->x.taps;
  for (int32_t row = begin; row < end; ++row) {
    const int32_t oy = row % p->output_height;
    const float* image =
        (const float*)a->inputs[0] + (ptrdiff_t)(row / p->output_height) * p->input_height * p->input_width * p->input_stride;
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      float* HT_RESTRICT out = (float*)a->output + ((ptrdiff_t)row * p->output_width + ox) * p->output_stride;
      for (int32_t ty = 0; ty < y_taps; ++ty) {
        const float* line = image + (ptrdiff_t)p->y.index[oy * y_taps + ty] * p->input_width * p->input_stride;
        const float wy = y_taps == 1 ? 1.0f : p->y.weight[oy * y_taps + ty];
        for (int32_t tx = 0; tx < x_taps; ++tx) {
          const float* HT_RESTRICT in = line + (ptrdiff_t)p->x.index[ox * x_taps + tx] * p->input_stride;
          const float w = x_taps == 1 ? wy : wy * p->x.weight[ox * x_taps + tx];
          if (ty == 0 && tx == 0) {
            for (int32_t c = 0; c < p->channels; ++c) out[c] = w * in[c];
          } else {
            for (int32_t c = 0; c < p->channels; ++c) out[c] += w * in[c];
          }
        }
      }
    }
  }
}
