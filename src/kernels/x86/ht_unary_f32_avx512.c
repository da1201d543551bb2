// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/ht_elements_x86.h"

// Sigmoid and SiLU of sixteen floats with |x| <= 60: the operations of c/ht_math.h, save that what is exact is fused (n times
// the leading part of log 2, the scaling by 2^n) and that the division is a multiplication.
enum { kLanes = 16 };

static inline __m512 constant(float x) { return _mm512_set1_ps(x); }

// exp(-magnitude)
static inline __m512 exp_of_negative(__m512 magnitude) {
  const __m512 y = _mm512_sub_ps(_mm512_setzero_ps(), magnitude), magic = constant(12582912.0f);
  const __m512 shifted = _mm512_add_ps(_mm512_mul_ps(y, constant(1.44269504f)), magic);
  const __m512 n = _mm512_sub_ps(shifted, magic);
  const __m512 r = _mm512_add_ps(_mm512_fnmadd_ps(n, constant(0.693359375f), y), _mm512_mul_ps(n, constant(0.000212194440f)));
  __m512 tail = _mm512_add_ps(_mm512_mul_ps(constant(0.00139421539f), r), constant(0.00836377591f));
  tail = _mm512_add_ps(_mm512_mul_ps(tail, r), constant(0.0416663624f));
  tail = _mm512_add_ps(_mm512_mul_ps(tail, r), constant(0.166665733f));
  tail = _mm512_add_ps(_mm512_mul_ps(tail, r), constant(0.5f));
  const __m512 p = _mm512_add_ps(constant(1.0f), _mm512_add_ps(r, _mm512_mul_ps(_mm512_mul_ps(r, r), tail)));
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), _mm512_slli_epi32(_mm512_castps_si512(shifted), 23)));
}

// numerator / d for d in [1, 2]: Newton's iteration from a parabola gives 1 / d, rounded up at the end so that the remainder of
// 1 / d corrects to the nearest float for the d just below 2 as well. Compared with the division for numerators 1 and e,
// d = 1 + e, and all 755 million floats e from 2^-90 to 1, it was always the same.
static inline __m512 divide(__m512 numerator, __m512 d) {
  const __m512 one = constant(1.0f);
  __m512 r = _mm512_fmadd_ps(_mm512_fmadd_ps(constant(0.323232323f), d, constant(-1.4545455f)), d, constant(2.12121201f));
  r = _mm512_fmadd_ps(r, _mm512_fnmadd_ps(d, r, one), r);
  r = _mm512_fmadd_round_ps(r, _mm512_fnmadd_ps(d, r, one), r, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
  const __m512 quotient = _mm512_mul_ps(numerator, r);
  return _mm512_fmadd_ps(_mm512_fnmadd_ps(quotient, d, numerator), r, quotient);
}

static inline __m512 sigmoid(__m512 x, __m512 magnitude) {
  const __m512 one = constant(1.0f), e = exp_of_negative(magnitude);
  const __mmask16 negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
  return divide(_mm512_mask_mov_ps(one, negative, e), _mm512_add_ps(one, e));
}

void ht_unary_f32_run_avx512(const ht_unary_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  if (p->kind != HT_SIGMOID && p->kind != HT_SILU) {
    ht_unary_f32_avx512vnni(p, a, begin, end);
    return;
  }
  const int32_t last = end >= ht_unary_f32_units(p) ? p->count : end * HT_UNARY_BLOCK;
  const float* in = (const float*)a->inputs[0];
  float* out = (float*)a->output;
  for (int32_t i = begin * HT_UNARY_BLOCK; i < last; i += kLanes) {
    const int32_t count = last - i < kLanes ? last - i : kLanes;
    const __mmask16 mask = (__mmask16)((1u << count) - 1u);
    const __m512 x = _mm512_maskz_loadu_ps(mask, in + i), magnitude = _mm512_abs_ps(x);
    if (_mm512_cmp_ps_mask(magnitude, constant(60.0f), _CMP_NLE_UQ) == 0) {
      const __m512 y = sigmoid(x, magnitude);
      _mm512_mask_storeu_ps(out + i, mask, p->kind == HT_SILU ? _mm512_mul_ps(x, y) : y);
      continue;
    }
    const ht_unary_f32_params few = {p->kind, count, p->alpha, p->beta};
    const ht_arguments here = {{in + i}, out + i, a->scratch};
    ht_unary_f32_avx512vnni(&few, &here, 0, 1);
  }
}
