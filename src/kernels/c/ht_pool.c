// SPDX-License-Identifier: Apache-2.0
#include "ht_pool.h"

#include "ht_finish.h"
#include "ht_window.h"

// Scratch: a row of sums.
size_t HT_FN(ht_pool_scratch)(const ht_pool_params* p) { return (size_t)p->channels * sizeof(int32_t); }

static void take_maximum(const int8_t* HT_RESTRICT x, int32_t count, int8_t* HT_RESTRICT best) {
  for (int32_t c = 0; c < count; ++c) best[c] = best[c] > x[c] ? best[c] : x[c];
}

static void add_pixel(const int8_t* HT_RESTRICT x, int32_t count, int32_t* HT_RESTRICT sums) {
  for (int32_t c = 0; c < count; ++c) sums[c] += x[c];
}

// 256 * sum / count, half away from zero; |sum| <= 255 * count. Quotient and rest apart fit into 32 bits.
static int32_t mean_of(int32_t sum, uint32_t count) {
  const uint32_t magnitude = sum < 0 ? 0u - (uint32_t)sum : (uint32_t)sum;
  const uint32_t mean = magnitude / count * 256 + (magnitude % count * 256 + count / 2) / count;
  return sum < 0 ? -(int32_t)mean : (int32_t)mean;
}

// Of `taps` inside of the input, with the divisor `count`.
static void finish_mean(const ht_pool_params* p, int32_t* HT_RESTRICT sums, int32_t taps, int32_t count, int8_t* HT_RESTRICT out) {
  const ht_epilogue* e = &p->epilogue;
  if (HT_USES_POLICY(HT_FLOAT_HALF_EVEN) && e->policy == HT_FLOAT_HALF_EVEN) {
    for (int32_t c = 0; c < p->channels; ++c) {
      const float mean = (float)(sums[c] - taps * p->input_zero_point[c]) / (float)count * e->multiplier.real[c];
      sums[c] = ht_round_small_half_even(mean < -1024.0f ? -1024.0f : (mean > 1024.0f ? 1024.0f : mean));
    }
    ht_store_s8(e, 0, p->channels, sums, out);
    return;
  }
  for (int32_t c = 0; c < p->channels; ++c) {
    const int32_t i = c * p->channel_step;
    const int32_t mean = mean_of(sums[c] - taps * p->input_zero_point[i], (uint32_t)count);
    // Means are below 2^16: shifted right by 31 and more, nothing is left of them whatever the shift.
    const int32_t fixed = e->multiplier.fixed[i], shift = e->multiplier.shift[i] < -23 ? -31 : e->multiplier.shift[i] - 8;
    const bool is_double = HT_USES_POLICY(HT_FIXED_DOUBLE) && e->policy == HT_FIXED_DOUBLE;
    const int32_t value = is_double ? ht_requantize_double(mean, fixed, shift, -1024, 1024) : ht_requantize_single(mean, fixed, shift, -1024, 1024);
    out[c] = (int8_t)ht_clamp(value + e->zero_point[i], e->minimum[i], e->maximum[i]);
  }
}

static bool is_kind(const ht_pool_params* p, int32_t kind) { return HT_USES(HT_POOLS, kind) && p->kind == kind; }

static int32_t taps_of(ht_window w) { return w.last > w.first ? w.last - w.first : 0; }

static void pool_pixel(const ht_pool_params* p, const int8_t* image, ht_window y, ht_window x, int32_t* sums, int8_t* out) {
  if (is_kind(p, HT_POOL_MAX)) {
    for (int32_t c = 0; c < p->channels; ++c) out[c] = INT8_MIN;
  } else if (HT_USES(HT_POOLS, HT_POOL_AVERAGE)) {
    for (int32_t c = 0; c < p->channels; ++c) sums[c] = 0;
  }
  for (int32_t ky = y.first; ky < y.last; ++ky) {
    const int8_t* row = image + (ptrdiff_t)(y.start + ky * p->dilation_height) * p->input_width * p->input_stride;
    for (int32_t kx = x.first; kx < x.last; ++kx) {
      const int8_t* pixel = row + (ptrdiff_t)(x.start + kx * p->dilation_width) * p->input_stride;
      if (is_kind(p, HT_POOL_MAX)) {
        take_maximum(pixel, p->channels, out);
      } else if (HT_USES(HT_POOLS, HT_POOL_AVERAGE)) {
        add_pixel(pixel, p->channels, sums);
      }
    }
  }
  const int32_t count = y.counted * x.counted;
  if (is_kind(p, HT_POOL_AVERAGE)) finish_mean(p, sums, taps_of(y) * taps_of(x), count > 0 ? count : 1, out);
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
