// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/ht_depthwise_tiles.h"
#include "kernels/x86/ht_finish_avx2.h"

// Two taps of eight channels as pairs of 16-bit numbers, for vpmaddwd; an odd number of taps is filled up by one whose weights are 0.
static inline __m256i pair(__m128i first, __m128i second) { return _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(first, second)); }

// Four pixels by up to eight channels, so that weights are widened once for four products. Inlined for a constant count.
static inline __attribute__((always_inline)) void sum_block(const ht_depthwise_params* p, const ht_pixel_taps taps[HT_TILE_PIXELS], int32_t first, int32_t count, int32_t* sums) {
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

static void finish_block(const ht_depthwise_params* p, const void* finisher, const ht_pixel_taps taps[HT_TILE_PIXELS], int32_t first,
                         int32_t count, int32_t valid, void* output, size_t at) {
  int32_t sums[HT_TILE_PIXELS * HT_VECTOR];
  if (count == HT_VECTOR) {
    sum_block(p, taps, first, HT_VECTOR, sums);
  } else {
    sum_block(p, taps, first, count, sums);
  }
  ht_finish_block((const ht_finisher*)finisher, first, count, valid, sums, output, at, (size_t)p->output_stride);
}

void ht_depthwise_run_avx2(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue);
  ht_depthwise_tiles(p, a, begin, end, HT_VECTOR, finish_block, &finisher);
}
