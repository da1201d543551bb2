// SPDX-License-Identifier: Apache-2.0
// Bytes combined with `flip` by exclusive or on their way: 0x80 makes q + 128 of a signed q, which vpdpbusd takes.
#ifndef HT_PADDED_ROW_H
#define HT_PADDED_ROW_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

static inline void ht_copy_flipped(const int8_t* from, size_t count, __m512i flip, int8_t* to) {
  size_t i = 0;
  for (; i + 64 <= count; i += 64) _mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(from + i), flip));
  if (i < count) {
    const __mmask64 mask = ~(__mmask64)0 >> (64 - (count - i));
    _mm512_mask_storeu_epi8(to + i, mask, _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, from + i), flip));
  }
}

// The first `columns` pixels, `pitch` bytes each, of a row of `width`, `stride` bytes each, that stands behind `left` pixels of padding; more of it follows.
static inline void ht_copy_padded_row(const int8_t* row, size_t stride, const int8_t* padding, size_t channels, size_t pitch, int32_t left,
                                      int32_t width, int32_t columns, __m512i flip, int8_t* to) {
  const int32_t begin = left < columns ? left : columns, end = begin + width < columns ? begin + width : columns;
  for (int32_t x = 0; x < begin; ++x) ht_copy_flipped(padding, channels, flip, to + (size_t)x * pitch);
  if (end > begin && stride == pitch) {
    ht_copy_flipped(row, (size_t)(end - begin - 1) * pitch + channels, flip, to + (size_t)begin * pitch);
  } else {
    for (int32_t x = begin; x < end; ++x) ht_copy_flipped(row + (size_t)(x - begin) * stride, channels, flip, to + (size_t)x * pitch);
  }
  for (int32_t x = end; x < columns; ++x) ht_copy_flipped(padding, channels, flip, to + (size_t)x * pitch);
}

#endif
