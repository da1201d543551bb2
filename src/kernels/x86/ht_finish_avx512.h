// SPDX-License-Identifier: Apache-2.0
// The epilogue of up to sixteen channels of several pixels in registers; equal to c/ht_finish.h bit for bit.
#ifndef HT_FINISH_AVX512_H
#define HT_FINISH_AVX512_H

#include <immintrin.h>

#include "kernels/c/ht_finish.h"

enum { HT_VECTOR = 16 };

// Whether finish_block has this epilogue in vector form; what is left takes the normative path.
static inline bool ht_vector_epilogue(const ht_epilogue* e) {
  if (e->output == HT_OUTPUT_F32) return true;
  return e->policy == HT_FLOAT_HALF_EVEN && (e->output == HT_OUTPUT_S8 || e->output == HT_OUTPUT_ACTIVATED);
}

static inline __m512i ht_requantize_16(__m512i x, __m512 multiplier) {
  const __m512 limit = _mm512_set1_ps((float)HT_REQUANTIZE_LIMIT);
  __m512 y = _mm512_mul_ps(_mm512_cvtepi32_ps(x), multiplier);
  y = _mm512_min_ps(_mm512_max_ps(y, _mm512_sub_ps(_mm512_setzero_ps(), limit)), limit);
  return _mm512_cvt_roundps_epi32(y, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// An activation's tables and constants in registers: stores of bytes may alias its struct, so the compiler would reload them.
typedef struct ht_activation_registers {
  __m512i base[2], slope[2], curve[2], end, last, half, within, rises;
  __m128i shift;
} ht_activation_registers;

static inline ht_activation_registers ht_load_activation(const ht_activation* f) {
  ht_activation_registers v;
  for (int32_t i = 0; i < 2; ++i) {
    v.base[i] = _mm512_loadu_si512(f->base + i * HT_VECTOR);
    v.slope[i] = _mm512_loadu_si512(f->slope + i * HT_VECTOR);
    v.curve[i] = _mm512_loadu_si512(f->curve + i * HT_VECTOR);
  }
  const int32_t half = HT_ACTIVATION_PIECES / 2, end = half << f->piece_shift;
  v.end = _mm512_set1_epi32(-end);
  v.last = _mm512_set1_epi32(end - 1);
  v.half = _mm512_set1_epi32(half);
  v.within = _mm512_set1_epi32((1 << f->piece_shift) - 1);
  v.rises = _mm512_set1_epi32(f->rises);
  v.shift = _mm_cvtsi32_si128(f->piece_shift);
  return v;
}

static inline __m512i ht_activate_16(const ht_activation_registers* v, __m512i t) {
  const __m512i inside = _mm512_min_epi32(_mm512_max_epi32(t, v->end), v->last);
  const __m512i piece = _mm512_add_epi32(_mm512_sra_epi32(inside, v->shift), v->half);
  const __m512i r = _mm512_and_si512(inside, v->within);
  const __m512i curve = _mm512_permutex2var_epi32(v->curve[0], piece, v->curve[1]);
  const __m512i bend = _mm512_sra_epi32(_mm512_mullo_epi32(curve, r), v->shift);
  const __m512i slope = _mm512_add_epi32(_mm512_permutex2var_epi32(v->slope[0], piece, v->slope[1]), bend);
  const __m512i rise = _mm512_sra_epi32(_mm512_mullo_epi32(slope, r), v->shift);
  const __m512i beyond = _mm512_and_si512(_mm512_max_epi32(_mm512_sub_epi32(t, inside), _mm512_setzero_si512()), v->rises);
  const __m512i base = _mm512_permutex2var_epi32(v->base[0], piece, v->base[1]);
  return _mm512_add_epi32(_mm512_add_epi32(base, rise), beyond);
}

static inline void ht_store_16(int8_t* to, __mmask16 mask, __m512i x, __m512i zero_point, __m512i minimum, __m512i maximum) {
  x = _mm512_add_epi32(x, zero_point);
  x = _mm512_min_epi32(_mm512_max_epi32(x, minimum), maximum);
  _mm512_mask_cvtepi32_storeu_epi8(to, mask, x);
}

// sums + r * HT_VECTOR belongs to channels [first, first + count) of pixel r and goes to output[at + r * stride].
static inline void ht_finish_block(const ht_epilogue* e, int32_t first, int32_t count, int32_t pixels, int32_t* sums,
                                   void* output, size_t at, size_t stride) {
  const __mmask16 mask = (__mmask16)((1u << count) - 1u);
  if (!ht_vector_epilogue(e)) {
    for (int32_t r = 0; r < pixels; ++r) ht_finish(e, first, count, sums + r * HT_VECTOR, output, at + (size_t)r * stride);
    return;
  }
  if (e->output == HT_OUTPUT_F32) {
    const __m512 scale = _mm512_maskz_loadu_ps(mask, e->scale + first);
    float* to = (float*)output + at;
    for (int32_t r = 0; r < pixels; ++r, to += stride)
      _mm512_mask_storeu_ps(to, mask, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(sums + r * HT_VECTOR)), scale));
    return;
  }
  const __m512 multiplier = _mm512_maskz_loadu_ps(mask, e->multiplier.real + first);
  const __m512i zero_point = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, e->zero_point + first));
  const __m512i minimum = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, e->minimum + first));
  const __m512i maximum = _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, e->maximum + first));
  int8_t* to = (int8_t*)output + at;
  if (e->output == HT_OUTPUT_S8) {
    for (int32_t r = 0; r < pixels; ++r, to += stride) {
      const __m512i x = ht_requantize_16(_mm512_loadu_si512(sums + r * HT_VECTOR), multiplier);
      ht_store_16(to, mask, x, zero_point, minimum, maximum);
    }
    return;
  }
  const __m512 second = _mm512_maskz_loadu_ps(mask, e->second.real + first);
  const ht_activation_registers function = ht_load_activation(e->activation);
  for (int32_t r = 0; r < pixels; ++r, to += stride) {
    const __m512i t = ht_requantize_16(_mm512_loadu_si512(sums + r * HT_VECTOR), multiplier);
    ht_store_16(to, mask, ht_requantize_16(ht_activate_16(&function, t), second), zero_point, minimum, maximum);
  }
}

#endif
