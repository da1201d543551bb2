// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/ht_conv_x86.h"
#include "kernels/x86/ht_finish_avx2.h"

enum { kPixels = 4 };

typedef struct pixel_taps {
  const int8_t* at[HT_DEPTHWISE_TAPS + 1];
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
  *next = p->padding;  // an odd number of taps is filled up by one whose weights are 0
}

// Two taps of eight channels as pairs of 16-bit numbers, for vpmaddwd.
static inline __m256i pair(__m128i first, __m128i second) { return _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(first, second)); }

// Four pixels by up to eight channels, so that weights are widened once for four products. Inlined for a constant count.
static inline __attribute__((always_inline)) void sum_block(const ht_depthwise_params* p, const pixel_taps taps[kPixels], int32_t first, int32_t count, int32_t* sums) {
  const int32_t number = p->kernel_height * p->kernel_width;
  const int8_t* w = p->weights + first;
  __m256i s0 = _mm256_maskload_epi32(p->bias + first, ht_lanes(count)), s1 = s0, s2 = s0, s3 = s0;
  for (int32_t t = 0; t < number; t += 2, w += 2 * (ptrdiff_t)p->input_channels) {
    const __m128i second = t + 1 < number ? ht_load_bytes(w + p->input_channels, count) : _mm_setzero_si128();
    const __m256i weights = pair(ht_load_bytes(w, count), second);
#define HT_STEP(r)                                                                                                             \
  {                                                                                                                            \
    const __m256i x = pair(ht_load_bytes(taps[r].at[t] + first, count), ht_load_bytes(taps[r].at[t + 1] + first, count));      \
    s##r = _mm256_add_epi32(s##r, _mm256_madd_epi16(x, weights));                                                              \
  }
    HT_STEP(0) HT_STEP(1) HT_STEP(2) HT_STEP(3)
#undef HT_STEP
  }
  _mm256_storeu_si256((__m256i*)sums, s0);
  _mm256_storeu_si256((__m256i*)(sums + HT_VECTOR), s1);
  _mm256_storeu_si256((__m256i*)(sums + 2 * HT_VECTOR), s2);
  _mm256_storeu_si256((__m256i*)(sums + 3 * HT_VECTOR), s3);
}

void ht_depthwise_run_avx2(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
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
        if (count == HT_VECTOR) {
          sum_block(p, taps, first, HT_VECTOR, sums);
        } else {
          sum_block(p, taps, first, count, sums);
        }
        ht_finish_block(&p->epilogue, first, count, valid, sums, a->output, at + (size_t)first, (size_t)p->output_stride);
      }
    }
  }
}
