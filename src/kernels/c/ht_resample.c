// SPDX-License-Identifier: Apache-2.0
#include "ht_resample.h"

#include "ht_requantize.h"

static void copy_pixel(const int8_t* HT_RESTRICT from, int32_t channels, int8_t* HT_RESTRICT to) {
#if defined(__GNUC__)
  for (; channels >= 4; channels -= 4, from += 4, to += 4) __builtin_memcpy(to, from, 4);
#endif
  for (int32_t c = 0; c < channels; ++c) to[c] = from[c];
}

// A bundle's ht_config.h says so where no pixel has more than one tap.
#ifndef HT_NEAREST_RESAMPLE
#define HT_NEAREST_RESAMPLE 0
#endif

enum { TOGETHER = 16 };  // channels

// Up to TOGETHER channels of an output pixel, `count` of them, which are `at` on from the image's first byte.
static inline void mix(const ht_resample_params* p, const int8_t* at, int32_t oy, int32_t ox, int32_t count, int8_t* HT_RESTRICT out) {
  const int32_t y_taps = p->y.taps, x_taps = p->x.taps;
  int32_t sum[TOGETHER];
  for (int32_t c = 0; c < count; ++c) sum[c] = 1 << (2 * HT_RESAMPLE_BITS - 1);
  for (int32_t ty = oy * y_taps; ty < (oy + 1) * y_taps; ++ty) {
    const int8_t* line = at + (ptrdiff_t)p->y.index[ty] * p->input_width * p->input_stride;
    const int32_t wy = y_taps == 1 ? 1 << HT_RESAMPLE_BITS : p->y.fixed[ty];
    for (int32_t tx = ox * x_taps; tx < (ox + 1) * x_taps; ++tx) {
      const int8_t* HT_RESTRICT in = line + (ptrdiff_t)p->x.index[tx] * p->input_stride;
      const int32_t w = wy * (x_taps == 1 ? 1 << HT_RESAMPLE_BITS : p->x.fixed[tx]);
      for (int32_t c = 0; c < count; ++c) sum[c] += w * in[c];
    }
  }
  for (int32_t c = 0; c < count; ++c) out[c] = (int8_t)ht_clamp(sum[c] >> (2 * HT_RESAMPLE_BITS), INT8_MIN, INT8_MAX);
}

void HT_FN(ht_resample)(const ht_resample_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const bool nearest = HT_NEAREST_RESAMPLE || (p->y.taps == 1 && p->x.taps == 1);
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
      int32_t c = 0;
      for (; c + TOGETHER <= p->channels; c += TOGETHER) mix(p, image + c, oy, ox, TOGETHER, out + c);
      if (c < p->channels) mix(p, image + c, oy, ox, p->channels - c, out + c);
    }
  }
}
