// SPDX-License-Identifier: Apache-2.0
// The activation of an epilogue in vectors; equal to ht_activate() of c/ht_finish.h bit for bit.
#ifndef HT_ACTIVATE_AVX2_H
#define HT_ACTIVATE_AVX2_H

#include <immintrin.h>

#include "kernels/x86/ht_activation_words.h"

// Any function, eight numbers at a time.

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

// Functions that rise, sixteen numbers at a time (ht_activation_words.h).

// table[piece] for sixteen pieces: the byte shuffle finds eight words, and gives 0 to those whose place in another eight has the top bit.
static inline __m256i ht_look_up_words(const uint16_t* table, const __m256i places[4]) {
  __m256i found[4];
  for (int32_t i = 0; i < 4; ++i) {
    const __m256i eight = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i*)(table + 8 * i)));
    found[i] = _mm256_shuffle_epi8(eight, places[i]);
  }
  return _mm256_or_si256(_mm256_or_si256(found[0], found[1]), _mm256_or_si256(found[2], found[3]));
}

// Words of the first in even places, of the second in odd ones.
static inline __m256i ht_weave(__m256i first, __m256i second) { return _mm256_blend_epi16(first, _mm256_slli_epi32(second, 16), 0xaa); }

static inline void ht_activate_rising(const ht_activation_words* v, __m256i* first, __m256i* second) {
  const int32_t end = HT_ACTIVATION_PIECES / 2 << v->piece_shift;
  const __m128i shift = _mm_cvtsi32_si128(v->piece_shift);
  const __m256i least = _mm256_set1_epi32(-end), last = _mm256_set1_epi32(end - 1), zero = _mm256_setzero_si256();
  const __m256i in0 = _mm256_min_epi32(_mm256_max_epi32(*first, least), last);
  const __m256i in1 = _mm256_min_epi32(_mm256_max_epi32(*second, least), last);
  const __m256i piece = _mm256_add_epi16(ht_weave(_mm256_sra_epi32(in0, shift), _mm256_sra_epi32(in1, shift)),
                                         _mm256_set1_epi16(HT_ACTIVATION_PIECES / 2));
  const __m256i doubled = _mm256_sll_epi16(ht_weave(in0, in1), _mm_cvtsi32_si128(16 - v->piece_shift)), u = _mm256_srli_epi16(doubled, 1);
  // The places of a word's two bytes; those of each eight words from 0x70 on, so that what lies outside has the top bit.
  const __m256i bytes = _mm256_add_epi16(_mm256_mullo_epi16(piece, _mm256_set1_epi16(0x0202)), _mm256_set1_epi16(0x0100));
  __m256i places[4];
  for (int32_t i = 0; i < 4; ++i)
    places[i] = _mm256_add_epi8(_mm256_xor_si256(bytes, _mm256_set1_epi8((char)(16 * i))), _mm256_set1_epi8(0x70));
  const __m256i bend = _mm256_sub_epi16(_mm256_mulhi_epu16(ht_look_up_words(v->curve, places), doubled), u);
  const __m256i slope = _mm256_add_epi16(ht_look_up_words(v->slope, places), bend);
  const __m256i rise = _mm256_sub_epi16(_mm256_mulhi_epu16(slope, doubled), u);
  const __m256i rest = _mm256_add_epi16(ht_look_up_words(v->base, places), rise);
  *first = _mm256_add_epi32(_mm256_max_epi32(*first, zero), _mm256_srai_epi32(_mm256_slli_epi32(rest, 16), 16));
  *second = _mm256_add_epi32(_mm256_max_epi32(*second, zero), _mm256_srai_epi32(rest, 16));
}

#endif
