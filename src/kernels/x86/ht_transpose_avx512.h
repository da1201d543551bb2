// SPDX-License-Identifier: Apache-2.0
#ifndef HT_TRANSPOSE_AVX512_H
#define HT_TRANSPOSE_AVX512_H

#include <immintrin.h>
#include <stdint.h>

// Sixteen vectors of words, of which word j of vector i becomes word i of vector j: pairs of vectors interleaved by words, by pairs of
// words, and twice by quarters.
static inline void ht_transpose_words(__m512i* v) {
  __m512i a[16];
  for (int32_t i = 0; i < 16; i += 2) {
    a[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    a[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int32_t i = 0; i < 16; i += 4)
    for (int32_t j = 0; j < 2; ++j) {
      v[i + 2 * j] = _mm512_unpacklo_epi64(a[i + j], a[i + j + 2]);
      v[i + 2 * j + 1] = _mm512_unpackhi_epi64(a[i + j], a[i + j + 2]);
    }
  for (int32_t i = 0; i < 16; i += 8)
    for (int32_t j = 0; j < 4; ++j) {
      a[i + j] = _mm512_shuffle_i32x4(v[i + j], v[i + j + 4], 0x88);
      a[i + j + 4] = _mm512_shuffle_i32x4(v[i + j], v[i + j + 4], 0xdd);
    }
  for (int32_t j = 0; j < 8; ++j) {
    v[j] = _mm512_shuffle_i32x4(a[j], a[j + 8], 0x88);
    v[j + 8] = _mm512_shuffle_i32x4(a[j], a[j + 8], 0xdd);
  }
}

#endif
