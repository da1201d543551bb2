// SPDX-License-Identifier: Apache-2.0
#include "ht_resample.h"

#include "ht_requantize.h"

static void copy_pixel(const int8_t* HT_RESTRICT from, int32_t channels, int8_t* HT_RESTRICT to) {
  for (int32_t c = 0; c < channels; ++c) to[c] = from[c];
}

void HT_FN(ht_resample)(const ht_resample_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t y_taps = p->y.taps, x_taps = p->x.taps;
  const bool nearest = y_taps == 1 && x_taps == 1;
  for (int32_t row = begin; row < end; ++row) {
    const int32_t oy = row % p->output_height;
    const int8_t* image =
        (const int8_t*)a->inputs[0] + (ptrdiff_t)(row / p->output_height) * p->input_height * p->input_width * p->input_stride;
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      int8_t* out = (int8_t*)a->output + ((ptrdiff_t)row * p->output_width + ox) * p->output_stride;
      if (nearest) {
        copy_pixel(image + ((ptrdiff_t)p->y.index[oy] * p->input_width + p->x.index[ox]) * p->input_stride, p->channels, out);
        continue;
      }
      for (int32_t c = 0; c < p->channels; ++c) {
        int32_t sum = 1 << (2 * HT_RESAMPLE_BITS - 1);
        for (int32_t ty = 0; ty < y_taps; ++ty) {
          const int8_t* line = image + (ptrdiff_t)p->y.index[oy * y_taps + ty] * p->input_width * p->input_stride + c;
          int32_t along = 0;
          for (int32_t tx = 0; tx < x_taps; ++tx)
            along += line[(ptrdiff_t)p->x.index[ox * x_taps + tx] * p->input_stride] *
                     (x_taps == 1 ? 1 << HT_RESAMPLE_BITS : p->x.fixed[ox * x_taps + tx]);
          sum += along * (y_taps == 1 ? 1 << HT_RESAMPLE_BITS : p->y.fixed[oy * y_taps + ty]);
        }
        out[c] = (int8_t)ht_clamp(sum >> (2 * HT_RESAMPLE_BITS), INT8_MIN, INT8_MAX);
      }
    }
  }
}
