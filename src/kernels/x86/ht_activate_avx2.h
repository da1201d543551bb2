// SPDX-License-Identifier: Apache-2.0
// The activation of an epilogue, eight numbers at a time; equal to ht_activate() of c/ht_finish.h bit for bit.
#ifndef HT_ACTIVATE_AVX2_H
#define HT_ACTIVATE_AVX2_H

#include <immintrin.h>

#include "kernels/c/ht_finish.h"

// table[piece] of a table of 32: vpermd sees the low three bits, the blends a bit moved to the sign.
static inline __m256i ht_look_up(const int32_t* table, __m256i piece, __m256 bit3, __m256 bit4) {
  __m256 part[HT_ACTIVATION_PIECES / 8];
  for (int32_t i = 0; i < HT_ACTIVATION_PIECES / 8; ++i)
    part[i] = _mm256_castsi256_ps(_mm256_permutevar8x32_epi32(_mm256_loadu_si256((const __m256i*)(table + i * 8)), piece));
  const __m256 lower = _mm256_blendv_ps(part[0], part[1], bit3), upper = _mm256_blendv_ps(part[2], part[3], bit3);
  return _mm256_castps_si256(_mm256_blendv_ps(lower, upper, bit4));
}

static inline __m256i ht_activate_8(const ht_activation* f, __m256i t) {
  const int32_t half = HT_ACTIVATION_PIECES / 2, end = half << f->piece_shift;
  const __m128i shift = _mm_cvtsi32_si128(f->piece_shift);
  const __m256i inside = _mm256_min_epi32(_mm256_max_epi32(t, _mm256_set1_epi32(-end)), _mm256_set1_epi32(end - 1));
  const __m256i piece = _mm256_add_epi32(_mm256_sra_epi32(inside, shift), _mm256_set1_epi32(half));
  const __m256 bit3 = _mm256_castsi256_ps(_mm256_slli_epi32(piece, 28));
  const __m256 bit4 = _mm256_castsi256_ps(_mm256_slli_epi32(piece, 27));
  const __m256i r = _mm256_and_si256(inside, _mm256_set1_epi32((1 << f->piece_shift) - 1));
  const __m256i bend = _mm256_sra_epi32(_mm256_mullo_epi32(ht_look_up(f->curve, piece, bit3, bit4), r), shift);
  const __m256i slope = _mm256_add_epi32(ht_look_up(f->slope, piece, bit3, bit4), bend);
  const __m256i rise = _mm256_sra_epi32(_mm256_mullo_epi32(slope, r), shift);
  const __m256i above = _mm256_max_epi32(_mm256_sub_epi32(t, inside), _mm256_setzero_si256());
  const __m256i beyond = _mm256_and_si256(above, _mm256_set1_epi32(f->rises));
  return _mm256_add_epi32(_mm256_add_epi32(ht_look_up(f->base, piece, bit3, bit4), rise), beyond);
}

#endif
