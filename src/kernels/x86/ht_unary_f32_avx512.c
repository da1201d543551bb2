// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/ht_unary_f32_x86.h"

// Sigmoid and SiLU of floats with |x| <= 60: the operations of c/ht_math.h, save that what is exact is fused (n times the leading part
// of log 2, the scaling by 2^n). Each step is done for several vectors before the next one, so that there is always something to do.
enum { kLanes = 16, kVectors = 2, kStep = kVectors * kLanes };
#define HT_EACH(i) _Pragma("GCC unroll 2") for (int32_t i = 0; i < kVectors; ++i)

static inline __m512 constant(float x) { return _mm512_set1_ps(x); }
static inline __m512 multiply_add(__m512 a, __m512 b, float c) { return _mm512_add_ps(_mm512_mul_ps(a, b), constant(c)); }

// e = exp(-|x|)
static inline __attribute__((always_inline)) void exp_of_negative(const __m512* x, __m512* e) {
  __m512 y[kVectors], shifted[kVectors], n[kVectors], r[kVectors], tail[kVectors];
  HT_EACH(i) y[i] = _mm512_or_ps(x[i], constant(-0.0f));
  HT_EACH(i) shifted[i] = multiply_add(y[i], constant(1.44269504f), 12582912.0f);
  HT_EACH(i) n[i] = _mm512_sub_ps(shifted[i], constant(12582912.0f));
  HT_EACH(i) r[i] = _mm512_add_ps(_mm512_fnmadd_ps(n[i], constant(0.693359375f), y[i]), _mm512_mul_ps(n[i], constant(0.000212194440f)));
  HT_EACH(i) tail[i] = multiply_add(constant(0.00139421539f), r[i], 0.00836377591f);
  HT_EACH(i) tail[i] = multiply_add(tail[i], r[i], 0.0416663624f);
  HT_EACH(i) tail[i] = multiply_add(tail[i], r[i], 0.166665733f);
  HT_EACH(i) tail[i] = multiply_add(tail[i], r[i], 0.5f);
  HT_EACH(i) tail[i] = _mm512_add_ps(constant(1.0f), _mm512_add_ps(r[i], _mm512_mul_ps(_mm512_mul_ps(r[i], r[i]), tail[i])));
  HT_EACH(i) e[i] = _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(tail[i]), _mm512_slli_epi32(_mm512_castps_si512(shifted[i]), 23)));
}

static inline __attribute__((always_inline)) void sigmoid(const __m512* x, __m512* result) {
  __m512 e[kVectors];
  exp_of_negative(x, e);
  HT_EACH(i) {
    const __mmask16 negative = _mm512_cmp_ps_mask(x[i], _mm512_setzero_ps(), _CMP_LT_OQ);
    result[i] = _mm512_div_ps(_mm512_mask_mov_ps(constant(1.0f), negative, e[i]), _mm512_add_ps(constant(1.0f), e[i]));
  }
}

void ht_unary_f32_run_avx512(const ht_unary_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t first = begin * HT_UNARY_BLOCK, last = end >= ht_unary_f32_units(p) ? p->count : end * HT_UNARY_BLOCK;
  if (p->kind != HT_SIGMOID && p->kind != HT_SILU) {
    ht_unary_f32_some(p, a, first, last - first);
    return;
  }
  int32_t i = first;
  for (int32_t done; i + kStep <= last; i += done) {
    const float* in = (const float*)a->inputs[0] + i;
    float* out = (float*)a->output + i;
    __m512 x[kVectors], y[kVectors];
    HT_EACH(j) x[j] = _mm512_loadu_ps(in + j * kLanes);
    const __m512 most = _mm512_max_ps(_mm512_abs_ps(x[0]), _mm512_abs_ps(x[1]));
    const __m512 sum = _mm512_add_ps(x[0], x[1]);  // finds the numbers that are none, which a maximum may hide
    if (_mm512_cmp_ps_mask(most, constant(60.0f), _CMP_NLE_UQ) || _mm512_cmp_ps_mask(sum, sum, _CMP_UNORD_Q)) {
      done = last - i < HT_UNARY_RUN ? last - i : HT_UNARY_RUN;
      ht_unary_f32_some(p, a, i, done);
      continue;
    }
    done = kStep;
    sigmoid(x, y);
    HT_EACH(j) _mm512_storeu_ps(out + j * kLanes, p->kind == HT_SILU ? _mm512_mul_ps(x[j], y[j]) : y[j]);
  }
  ht_unary_f32_some(p, a, i, last - i);
}
