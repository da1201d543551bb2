// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/ht_depthwise_tiles.h"
#include "kernels/x86/ht_finish_avx512.h"

static inline __m512i load(const int8_t* from, __mmask16 mask) { return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, from)); }

// Four pixels by up to sixteen channels, so that a weight is widened once for four products.
static void sum_block(const ht_depthwise_params* p, const ht_pixel_taps taps[HT_TILE_PIXELS], int32_t first, __mmask16 mask,
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

static void finish_block(const ht_depthwise_params* p, const void* finisher, const ht_pixel_taps taps[HT_TILE_PIXELS], int32_t first,
                         int32_t count, int32_t valid, void* output, size_t at) {
  int32_t sums[HT_TILE_PIXELS * HT_VECTOR];
  sum_block(p, taps, first, (__mmask16)((1u << count) - 1u), sums);
  ht_finish_block((const ht_finisher*)finisher, first, count, valid, sums, output, at, (size_t)p->output_stride);
}

void ht_depthwise_run_avx512(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher =
      ht_prepare_finish(&p->epilogue, p->input_channels, p->bias, (size_t)(p->kernel_height * p->kernel_width));
  ht_depthwise_tiles(p, a, begin, end, HT_VECTOR, finish_block, &finisher);
}
