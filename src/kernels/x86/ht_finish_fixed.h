// SPDX-License-Identifier: Apache-2.0
// The epilogue of HT_FIXED_SINGLE by AVX2, eight channels at a time; equal to c/ht_finish.h bit for bit.
#ifndef HT_FINISH_FIXED_H
#define HT_FINISH_FIXED_H

#include <immintrin.h>

#include "kernels/x86/ht_activate_avx2.h"

// All ones in the first `count` lanes.
static inline __m256i ht_lanes(int32_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// Up to eight bytes, zeros beyond `count`.
static inline __m128i ht_load_bytes(const int8_t* from, int32_t count) {
  int64_t bytes = 0;
  if (count == 8) return _mm_loadl_epi64((const __m128i*)from);
  __builtin_memcpy(&bytes, from, (size_t)count);
  return _mm_cvtsi64_si128(bytes);
}

static inline void ht_store_bytes(int8_t* to, int32_t count, __m128i bytes) {
  if (count == 8) {
    _mm_storel_epi64((__m128i*)to, bytes);
  } else {
    const int64_t eight = _mm_cvtsi128_si64(bytes);
    __builtin_memcpy(to, &eight, (size_t)count);
  }
}

// floor(x / 2^shift) of signed 64-bit numbers, which AVX2 has for unsigned ones; shift in [0, 63].
static inline __m256i ht_shift_right_64(__m256i x, __m256i shift) {
  const __m256i offset = _mm256_set1_epi64x(INT64_MIN);
  return _mm256_sub_epi64(_mm256_srlv_epi64(_mm256_xor_si256(x, offset), shift), _mm256_srlv_epi64(offset, shift));
}

static inline __m256i ht_clamp_64(__m256i x, __m256i low, __m256i high) {
  x = _mm256_blendv_epi8(x, low, _mm256_cmpgt_epi64(low, x));
  return _mm256_blendv_epi8(x, high, _mm256_cmpgt_epi64(x, high));
}

// Multipliers of eight channels, as 64-bit numbers: those of even channels and of odd ones.
typedef struct ht_fixed_multipliers {
  __m256i fixed[2], right[2], half[2];  // (x * fixed + half) >> right
} ht_fixed_multipliers;

static inline ht_fixed_multipliers ht_load_fixed(const ht_multiplier* m, int32_t first, __m256i mask) {
  const __m256i fixed = _mm256_maskload_epi32(m->fixed + first, mask);
  const __m256i right = _mm256_sub_epi32(_mm256_set1_epi32(31), _mm256_maskload_epi32(m->shift + first, mask));
  ht_fixed_multipliers v = {{fixed, _mm256_srli_epi64(fixed, 32)}, {_mm256_blend_epi32(right, _mm256_setzero_si256(), 0xaa), _mm256_srli_epi64(right, 32)}, {fixed, fixed}};
  for (int32_t i = 0; i < 2; ++i) v.half[i] = _mm256_srli_epi64(_mm256_sllv_epi64(_mm256_set1_epi64x(1), v.right[i]), 1);
  return v;
}

static inline __m256i ht_requantize_fixed_8(__m256i x, const ht_fixed_multipliers* m) {
  const __m256i high = _mm256_set1_epi64x(HT_REQUANTIZE_LIMIT), low = _mm256_set1_epi64x(-HT_REQUANTIZE_LIMIT);
  __m256i y[2] = {_mm256_mul_epi32(x, m->fixed[0]), _mm256_mul_epi32(_mm256_srli_epi64(x, 32), m->fixed[1])};
  for (int32_t i = 0; i < 2; ++i) y[i] = ht_clamp_64(ht_shift_right_64(_mm256_add_epi64(y[i], m->half[i]), m->right[i]), low, high);
  return _mm256_blend_epi32(y[0], _mm256_slli_epi64(y[1], 32), 0xaa);
}

static inline bool ht_has_fixed_form(const ht_epilogue* e) {
  return e->policy == HT_FIXED_SINGLE && (e->output == HT_OUTPUT_S8 || e->output == HT_OUTPUT_LEAKY || e->output == HT_OUTPUT_ACTIVATED);
}

// Up to eight channels. Packing saturates as the clamp does that comes last.
static inline void ht_finish_fixed_8(const ht_epilogue* e, int32_t first, int32_t count, int32_t pixels, const int32_t* sums, int32_t width, int8_t* to,
                                     size_t stride) {
  const __m256i mask = ht_lanes(count);
  const ht_fixed_multipliers multiplier = ht_load_fixed(&e->multiplier, first, mask);
  const ht_fixed_multipliers second = e->output == HT_OUTPUT_S8 ? multiplier : ht_load_fixed(&e->second, first, mask);
  const __m128i zero_point = _mm_cvtepi8_epi16(ht_load_bytes(e->zero_point + first, count));
  const __m128i minimum = ht_load_bytes(e->minimum + first, count), maximum = ht_load_bytes(e->maximum + first, count);
  for (int32_t r = 0; r < pixels; ++r, sums += width, to += stride) {
    const __m256i x = _mm256_maskload_epi32(sums, mask);
    __m256i y = ht_requantize_fixed_8(x, &multiplier);
    if (e->output == HT_OUTPUT_ACTIVATED) y = ht_requantize_fixed_8(ht_activate_8(e->activation, y), &second);
    if (e->output == HT_OUTPUT_LEAKY) y = _mm256_blendv_epi8(y, ht_requantize_fixed_8(x, &second), _mm256_srai_epi32(x, 31));
    const __m128i words = _mm_adds_epi16(_mm_packs_epi32(_mm256_castsi256_si128(y), _mm256_extracti128_si256(y, 1)), zero_point);
    ht_store_bytes(to, count, _mm_min_epi8(_mm_max_epi8(_mm_packs_epi16(words, words), minimum), maximum));
  }
}

// sums + r * width belongs to channels [first, first + count) of pixel r and goes to to + r * stride.
static inline void ht_finish_fixed(const ht_epilogue* e, int32_t first, int32_t count, int32_t pixels, const int32_t* sums, int32_t width, int8_t* to,
                                   size_t stride) {
  for (int32_t done = 0; done < count; done += 8) {
    const int32_t channels = count - done < 8 ? count - done : 8;
    ht_finish_fixed_8(e, first + done, channels, pixels, sums + done, width, to + done, stride);
  }
}

#endif
