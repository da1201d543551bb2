// SPDX-License-Identifier: Apache-2.0
#include "ht_pool.h"

#include "ht_finish.h"
#include "ht_window.h"

// Scratch: a row of sums.
size_t HT_FN(ht_pool_scratch)(const ht_pool_params* p) { return (size_t)p->channels * sizeof(int32_t); }

static void take_maximum(const int8_t* HT_RESTRICT x, int32_t count, int8_t* HT_RESTRICT best) {
  for (int32_t c = 0; c < count; ++c) best[c] = best[c] > x[c] ? best[c] : x[c];
}

static void add_pixel(const int8_t* HT_RESTRICT x, const int8_t* HT_RESTRICT zero_point, int32_t count,
                      int32_t* HT_RESTRICT sums) {
  for (int32_t c = 0; c < count; ++c) sums[c] += x[c] - zero_point[c];
}

static void finish_mean(const ht_pool_params* p, int32_t* HT_RESTRICT sums, int32_t count, int8_t* HT_RESTRICT out) {
  const ht_epilogue* e = &p->epilogue;
  if (HT_USES_POLICY(HT_FLOAT_HALF_EVEN) && e->policy == HT_FLOAT_HALF_EVEN) {
    for (int32_t c = 0; c < p->channels; ++c) {
      const float mean = (float)sums[c] / (float)count * e->multiplier.real[c];
      sums[c] = ht_round_small_half_even(mean < -1024.0f ? -1024.0f : (mean > 1024.0f ? 1024.0f : mean));
    }
  } else {
    // The mean with eight fraction bits, half away from zero, then the policy's requantization.
    for (int32_t c = 0; c < p->channels; ++c) {
      const int64_t scaled = (int64_t)sums[c] * 256;
      const int32_t mean = (int32_t)((scaled + (scaled < 0 ? -(count / 2) : count / 2)) / count);
      sums[c] = ht_requantize_single(mean, e->multiplier.fixed[c], e->multiplier.shift[c] - 8, -1024, 1024);
    }
  }
  ht_store_s8(e, 0, p->channels, sums, out);
}

static void pool_pixel(const ht_pool_params* p, const int8_t* image, ht_window y, ht_window x, int32_t* sums, int8_t* out) {
  if (p->kind == HT_POOL_MAX) {
    for (int32_t c = 0; c < p->channels; ++c) out[c] = INT8_MIN;
  } else {
    for (int32_t c = 0; c < p->channels; ++c) sums[c] = 0;
  }
  for (int32_t ky = y.first; ky < y.last; ++ky) {
    const int8_t* row = image + (ptrdiff_t)(y.start + ky * p->dilation_height) * p->input_width * p->input_stride;
    for (int32_t kx = x.first; kx < x.last; ++kx) {
      const int8_t* pixel = row + (ptrdiff_t)(x.start + kx * p->dilation_width) * p->input_stride;
      if (p->kind == HT_POOL_MAX) {
        take_maximum(pixel, p->channels, out);
      } else {
        add_pixel(pixel, p->input_zero_point, p->channels, sums);
      }
    }
  }
  const int32_t count = y.counted * x.counted;
  if (p->kind == HT_POOL_AVERAGE) finish_mean(p, sums, count > 0 ? count : 1, out);
}

void HT_FN(ht_pool)(const ht_pool_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const ht_window y = ht_clip_window(row % p->output_height, p->stride_height, p->pad_top, p->pad_bottom, p->dilation_height,
                                 p->kernel_height, p->input_height, p->count_padding);
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      const ht_window x = ht_clip_window(ox, p->stride_width, p->pad_left, p->pad_right, p->dilation_width, p->kernel_width,
                                   p->input_width, p->count_padding);
      pool_pixel(p, image, y, x, (int32_t*)a->scratch,
                 (int8_t*)a->output + ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride);
    }
  }
}
