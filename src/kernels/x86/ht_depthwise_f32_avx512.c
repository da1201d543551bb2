// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/ht_elements_x86.h"
#include "kernels/x86/ht_taps.h"

enum { kLanes = 16, kPixels = 4 };

static inline __m512 clip(const ht_depthwise_f32_params* p, __m512 x) {
  return _mm512_min_ps(_mm512_set1_ps(p->maximum), _mm512_max_ps(_mm512_set1_ps(p->minimum), x));
}

// `image` is where the first pixel's first tap would be. Adjacent pixels with the same taps, so that a weight is loaded once.
static void sum_pixels(const ht_depthwise_f32_params* p, const float* image, ht_taps y, ht_taps x, float* out) {
  const ptrdiff_t step = (ptrdiff_t)p->stride_width * p->input_stride, next = p->output_stride;
  const int32_t channels = p->input_channels;
  for (int32_t c = 0; c < channels; c += kLanes) {
    const __mmask16 mask = (__mmask16)(channels - c >= kLanes ? 0xffffu : (1u << (channels - c)) - 1u);
    __m512 s0 = p->bias ? _mm512_maskz_loadu_ps(mask, p->bias + c) : _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
    for (int32_t ky = y.first; ky < y.last; ++ky)
      for (int32_t kx = x.first; kx < x.last; ++kx) {
        const float* w = p->weights + ((ptrdiff_t)ky * p->kernel_width + kx) * channels + c;
        const float* from =
            image + ((ptrdiff_t)ky * p->dilation_height * p->input_width + kx * p->dilation_width) * p->input_stride + c;
        const __m512 weight = _mm512_maskz_loadu_ps(mask, w);
        s0 = _mm512_add_ps(s0, _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, from), weight));
        s1 = _mm512_add_ps(s1, _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, from + step), weight));
        s2 = _mm512_add_ps(s2, _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, from + 2 * step), weight));
        s3 = _mm512_add_ps(s3, _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, from + 3 * step), weight));
      }
    _mm512_mask_storeu_ps(out + c, mask, clip(p, s0));
    _mm512_mask_storeu_ps(out + next + c, mask, clip(p, s1));
    _mm512_mask_storeu_ps(out + 2 * next + c, mask, clip(p, s2));
    _mm512_mask_storeu_ps(out + 3 * next + c, mask, clip(p, s3));
  }
}

static void sum_pixel(const ht_depthwise_f32_params* p, const float* image, ht_taps y, ht_taps x, float* out) {
  const int32_t channels = p->input_channels;
  for (int32_t c = 0; c < channels; c += kLanes) {
    const __mmask16 mask = (__mmask16)(channels - c >= kLanes ? 0xffffu : (1u << (channels - c)) - 1u);
    __m512 sum = p->bias ? _mm512_maskz_loadu_ps(mask, p->bias + c) : _mm512_setzero_ps();
    for (int32_t ky = y.first; ky < y.last; ++ky)
      for (int32_t kx = x.first; kx < x.last; ++kx) {
        const float* from =
            image + ((ptrdiff_t)ky * p->dilation_height * p->input_width + kx * p->dilation_width) * p->input_stride + c;
        const __m512 weight = _mm512_maskz_loadu_ps(mask, p->weights + ((ptrdiff_t)ky * p->kernel_width + kx) * channels + c);
        sum = _mm512_add_ps(sum, _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, from), weight));
      }
    _mm512_mask_storeu_ps(out + c, mask, clip(p, sum));
  }
}

void ht_depthwise_f32_run_avx512(const ht_depthwise_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  if (p->channel_multiplier != 1) {
    ht_depthwise_f32_avx512vnni(p, a, begin, end);
    return;
  }
  const ptrdiff_t image_size = (ptrdiff_t)p->input_height * p->input_width * p->input_stride;
  const int32_t reach = (p->kernel_width - 1) * p->dilation_width + (kPixels - 1) * p->stride_width;
  for (int32_t row = begin; row < end; ++row) {
    const int32_t top = row % p->output_height * p->stride_height - p->pad_top;
    const ht_taps y = ht_taps_inside(top, p->dilation_height, p->kernel_height, p->input_height);
    const float* line =
        (const float*)a->inputs[0] + row / p->output_height * image_size + (ptrdiff_t)top * p->input_width * p->input_stride;
    float* out = (float*)a->output + (ptrdiff_t)row * p->output_width * p->output_stride;
    for (int32_t ox = 0; ox < p->output_width;) {
      const int32_t left = ox * p->stride_width - p->pad_left;
      const bool whole = ox + kPixels <= p->output_width && left >= 0 && left + reach < p->input_width;
      const ht_taps x = ht_taps_inside(left, p->dilation_width, p->kernel_width, p->input_width);
      const float* image = line + (ptrdiff_t)left * p->input_stride;
      (whole ? sum_pixels : sum_pixel)(p, image, y, x, out + (ptrdiff_t)ox * p->output_stride);
      ox += whole ? kPixels : 1;
    }
  }
}
