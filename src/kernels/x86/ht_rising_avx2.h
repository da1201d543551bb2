// SPDX-License-Identifier: Apache-2.0
// An activation that rises (ht_activation_words.h), sixteen numbers at a time; equal to ht_activate() of c/ht_finish.h bit for bit.
#ifndef HT_RISING_AVX2_H
#define HT_RISING_AVX2_H

#include <immintrin.h>

#include "kernels/x86/ht_activation_words.h"

// table[piece] for sixteen pieces: the byte shuffle finds eight words, and gives 0 to those whose place in another eight has the top bit.
static inline __m256i ht_look_up_words(const int16_t* table, const __m256i places[4]) {
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
  const __m256i within = _mm256_and_si256(ht_weave(in0, in1), _mm256_set1_epi16((int16_t)((1 << v->piece_shift) - 1)));
  // The places of a word's two bytes; those of each eight words from 0x70 on, so that what lies outside has the top bit.
  const __m256i bytes = _mm256_add_epi16(_mm256_mullo_epi16(piece, _mm256_set1_epi16(0x0202)), _mm256_set1_epi16(0x0100));
  __m256i places[4];
  for (int32_t i = 0; i < 4; ++i)
    places[i] = _mm256_add_epi8(_mm256_xor_si256(bytes, _mm256_set1_epi8((char)(16 * i))), _mm256_set1_epi8(0x70));
  const __m256i bend = _mm256_mulhi_epi16(ht_look_up_words(v->curve, places), within);
  const __m256i slope =
      _mm256_sll_epi16(_mm256_add_epi16(ht_look_up_words(v->slope, places), bend), _mm_cvtsi32_si128(16 - v->piece_shift));
  const __m256i rise = _mm256_mulhi_epi16(slope, within);
  const __m256i rest = _mm256_add_epi16(ht_look_up_words(v->base, places), rise);
  *first = _mm256_add_epi32(_mm256_max_epi32(*first, zero), _mm256_srai_epi32(_mm256_slli_epi32(rest, 16), 16));
  *second = _mm256_add_epi32(_mm256_max_epi32(*second, zero), _mm256_srai_epi32(rest, 16));
}

#endif
