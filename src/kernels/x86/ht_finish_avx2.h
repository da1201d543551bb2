// SPDX-License-Identifier: Apache-2.0
// The epilogue of up to eight channels of several pixels in registers; equal to c/ht_finish.h bit for bit.
#ifndef HT_FINISH_AVX2_H
#define HT_FINISH_AVX2_H

#include <immintrin.h>

#include "kernels/c/ht_finish.h"

enum { HT_VECTOR = 8 };

// Whether finish_block has this epilogue in vector form; what is left takes the normative path.
static inline bool ht_vector_epilogue(const ht_epilogue* e) {
  if (e->output == HT_OUTPUT_F32) return true;
  return e->policy == HT_FLOAT_HALF_EVEN && (e->output == HT_OUTPUT_S8 || e->output == HT_OUTPUT_ACTIVATED);
}

// All ones in the first `count` lanes.
static inline __m256i ht_lanes(int32_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// Up to eight bytes, zeros beyond `count`.
static inline __m128i ht_load_bytes(const int8_t* from, int32_t count) {
  int64_t bytes = 0;
  if (count == HT_VECTOR) return _mm_loadl_epi64((const __m128i*)from);
  __builtin_memcpy(&bytes, from, (size_t)count);
  return _mm_cvtsi64_si128(bytes);
}

static inline __m256i ht_requantize_8(__m256i x, __m256 multiplier) {
  const __m256 limit = _mm256_set1_ps((float)HT_REQUANTIZE_LIMIT);
  __m256 y = _mm256_mul_ps(_mm256_cvtepi32_ps(x), multiplier);
  y = _mm256_min_ps(_mm256_max_ps(y, _mm256_sub_ps(_mm256_setzero_ps(), limit)), limit);
  return _mm256_cvtps_epi32(y);
}

enum { HT_PARTS = HT_ACTIVATION_PIECES / HT_VECTOR };

// table[piece] of a table of 32: vpermd sees the low three bits, the blends a bit moved to the sign.
static inline __m256i ht_look_up(const int32_t* table, __m256i piece, __m256 bit3, __m256 bit4) {
  __m256 part[HT_ACTIVATION_PIECES / HT_VECTOR];
  for (int32_t i = 0; i < HT_ACTIVATION_PIECES / HT_VECTOR; ++i)
    part[i] = _mm256_castsi256_ps(
        _mm256_permutevar8x32_epi32(_mm256_loadu_si256((const __m256i*)(table + i * HT_VECTOR)), piece));
  const __m256 lower = _mm256_blendv_ps(part[0], part[1], bit3), upper = _mm256_blendv_ps(part[2], part[3], bit3);
  return _mm256_castps_si256(_mm256_blendv_ps(lower, upper, bit4));
}

// An activation's constants in registers.
typedef struct ht_activation_registers {
  __m256i end, last, half, within, rises;
  __m128i shift;
} ht_activation_registers;

static inline ht_activation_registers ht_load_activation(const ht_activation* f) {
  ht_activation_registers v;
  const int32_t half = HT_ACTIVATION_PIECES / 2, end = half << f->piece_shift;
  v.end = _mm256_set1_epi32(-end);
  v.last = _mm256_set1_epi32(end - 1);
  v.half = _mm256_set1_epi32(half);
  v.within = _mm256_set1_epi32((1 << f->piece_shift) - 1);
  v.rises = _mm256_set1_epi32(f->rises);
  v.shift = _mm_cvtsi32_si128(f->piece_shift);
  return v;
}

static inline __m256i ht_activate_8(const ht_activation* f, const ht_activation_registers* v, __m256i t) {
  const __m256i inside = _mm256_min_epi32(_mm256_max_epi32(t, v->end), v->last);
  const __m256i piece = _mm256_add_epi32(_mm256_sra_epi32(inside, v->shift), v->half);
  const __m256 bit3 = _mm256_castsi256_ps(_mm256_slli_epi32(piece, 28));
  const __m256 bit4 = _mm256_castsi256_ps(_mm256_slli_epi32(piece, 27));
  const __m256i r = _mm256_and_si256(inside, v->within);
  const __m256i bend = _mm256_sra_epi32(_mm256_mullo_epi32(ht_look_up(f->curve, piece, bit3, bit4), r), v->shift);
  const __m256i slope = _mm256_add_epi32(ht_look_up(f->slope, piece, bit3, bit4), bend);
  const __m256i rise = _mm256_sra_epi32(_mm256_mullo_epi32(slope, r), v->shift);
  const __m256i beyond = _mm256_and_si256(_mm256_max_epi32(_mm256_sub_epi32(t, inside), _mm256_setzero_si256()), v->rises);
  return _mm256_add_epi32(_mm256_add_epi32(ht_look_up(f->base, piece, bit3, bit4), rise), beyond);
}

static inline void ht_store_8(int8_t* to, int32_t count, __m256i x, __m256i zero_point, __m256i minimum, __m256i maximum) {
  x = _mm256_add_epi32(x, zero_point);
  x = _mm256_min_epi32(_mm256_max_epi32(x, minimum), maximum);
  const __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
  const __m128i bytes = _mm_packs_epi16(halves, halves);
  if (count == HT_VECTOR) {
    _mm_storel_epi64((__m128i*)to, bytes);
  } else {
    const int64_t eight = _mm_cvtsi128_si64(bytes);
    __builtin_memcpy(to, &eight, (size_t)count);
  }
}

// sums + r * HT_VECTOR belongs to channels [first, first + count) of pixel r and goes to output[at + r * stride].
static inline void ht_finish_block(const ht_epilogue* e, int32_t first, int32_t count, int32_t pixels, int32_t* sums,
                                   void* output, size_t at, size_t stride) {
  if (!ht_vector_epilogue(e)) {
    for (int32_t r = 0; r < pixels; ++r) ht_finish(e, first, count, sums + r * HT_VECTOR, output, at + (size_t)r * stride);
    return;
  }
  const __m256i mask = ht_lanes(count);
  if (e->output == HT_OUTPUT_F32) {
    const __m256 scale = _mm256_maskload_ps(e->scale + first, mask);
    float* to = (float*)output + at;
    for (int32_t r = 0; r < pixels; ++r, to += stride) {
      const __m256i x = _mm256_loadu_si256((const __m256i*)(sums + r * HT_VECTOR));
      _mm256_maskstore_ps(to, mask, _mm256_mul_ps(_mm256_cvtepi32_ps(x), scale));
    }
    return;
  }
  const __m256 multiplier = _mm256_maskload_ps(e->multiplier.real + first, mask);
  const __m256i zero_point = _mm256_cvtepi8_epi32(ht_load_bytes(e->zero_point + first, count));
  const __m256i minimum = _mm256_cvtepi8_epi32(ht_load_bytes(e->minimum + first, count));
  const __m256i maximum = _mm256_cvtepi8_epi32(ht_load_bytes(e->maximum + first, count));
  int8_t* to = (int8_t*)output + at;
  if (e->output == HT_OUTPUT_S8) {
    for (int32_t r = 0; r < pixels; ++r, to += stride) {
      const __m256i x = ht_requantize_8(_mm256_loadu_si256((const __m256i*)(sums + r * HT_VECTOR)), multiplier);
      ht_store_8(to, count, x, zero_point, minimum, maximum);
    }
    return;
  }
  const __m256 second = _mm256_maskload_ps(e->second.real + first, mask);
  const ht_activation_registers constants = ht_load_activation(e->activation);
  for (int32_t r = 0; r < pixels; ++r, to += stride) {
    const __m256i t = ht_requantize_8(_mm256_loadu_si256((const __m256i*)(sums + r * HT_VECTOR)), multiplier);
    ht_store_8(to, count, ht_requantize_8(ht_activate_8(e->activation, &constants, t), second), zero_point, minimum, maximum);
  }
}

#endif
