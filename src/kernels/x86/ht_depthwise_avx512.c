// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/ht_conv_x86.h"
#include "kernels/x86/ht_finish_avx512.h"

enum { kPixels = 4 };

typedef struct pixel_taps {
  const int8_t* at[HT_DEPTHWISE_TAPS];
} pixel_taps;

static void find_taps(const ht_depthwise_params* p, const int8_t* image, int32_t oy, int32_t ox, pixel_taps* taps) {
  const int8_t** next = taps->at;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t y = oy * p->stride_height - p->pad_top + ky * p->dilation_height;
    for (int32_t kx = 0; kx < p->kernel_width; ++kx) {
      const int32_t x = ox * p->stride_width - p->pad_left + kx * p->dilation_width;
      const bool inside = y >= 0 && y < p->input_height && x >= 0 && x < p->input_width;
      *next++ = inside ? image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride : p->padding;
    }
  }
}

static inline __m512i load(const int8_t* from, __mmask16 mask) { return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, from)); }

// Four pixels by up to sixteen channels, so that a weight is widened once for four products.
static void sum_block(const ht_depthwise_params* p, const pixel_taps taps[kPixels], int32_t first, __mmask16 mask,
                      int32_t* sums) {
  const int8_t* w = p->weights + first;
  __m512i s0 = _mm512_maskz_loadu_epi32(mask, p->bias + first), s1 = s0, s2 = s0, s3 = s0;
  for (int32_t t = 0; t < p->kernel_height * p->kernel_width; ++t, w += p->input_channels) {
    const __m512i weight = load(w, mask);
    s0 = _mm512_add_epi32(s0, _mm512_mullo_epi32(load(taps[0].at[t] + first, mask), weight));
    s1 = _mm512_add_epi32(s1, _mm512_mullo_epi32(load(taps[1].at[t] + first, mask), weight));
    s2 = _mm512_add_epi32(s2, _mm512_mullo_epi32(load(taps[2].at[t] + first, mask), weight));
    s3 = _mm512_add_epi32(s3, _mm512_mullo_epi32(load(taps[3].at[t] + first, mask), weight));
  }
  _mm512_storeu_si512(sums, s0);
  _mm512_storeu_si512(sums + HT_VECTOR, s1);
  _mm512_storeu_si512(sums + 2 * HT_VECTOR, s2);
  _mm512_storeu_si512(sums + 3 * HT_VECTOR, s3);
}

void ht_depthwise_run_avx512(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue, p->input_channels);
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    for (int32_t ox = 0; ox < p->output_width; ox += kPixels) {
      const int32_t valid = p->output_width - ox < kPixels ? p->output_width - ox : kPixels;
      pixel_taps taps[kPixels];
      for (int32_t r = 0; r < kPixels; ++r)  // a short tile repeats its last pixel
        find_taps(p, image, row % p->output_height, ox + (r < valid ? r : valid - 1), &taps[r]);
      const size_t at = ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride;
      for (int32_t first = 0; first < p->input_channels; first += HT_VECTOR) {
        const int32_t count = p->input_channels - first < HT_VECTOR ? p->input_channels - first : HT_VECTOR;
        int32_t sums[kPixels * HT_VECTOR];
        sum_block(p, taps, first, (__mmask16)((1u << count) - 1u), sums);
        ht_finish_block(&finisher, first, count, valid, sums, a->output, at + (size_t)first, (size_t)p->output_stride);
      }
    }
  }
}
