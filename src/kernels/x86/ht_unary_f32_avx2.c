// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/ht_unary_f32_x86.h"

// Sigmoid and SiLU of eight floats with |x| <= 60: the operations of c/ht_math.h, but for the scaling by 2^n, which is exact and done at
// once.
enum { kLanes = 8 };

static inline __m256 constant(float x) { return _mm256_set1_ps(x); }

// exp(y) for y in [-60, 0]
static inline __m256 exp_of_negative(__m256 y) {
  const __m256 magic = constant(12582912.0f);
  const __m256 shifted = _mm256_add_ps(_mm256_mul_ps(y, constant(1.44269504f)), magic);
  const __m256 n = _mm256_sub_ps(shifted, magic);
  const __m256 r = _mm256_add_ps(_mm256_sub_ps(y, _mm256_mul_ps(n, constant(0.693359375f))), _mm256_mul_ps(n, constant(0.000212194440f)));
  __m256 tail = _mm256_add_ps(_mm256_mul_ps(constant(0.00139421539f), r), constant(0.00836377591f));
  tail = _mm256_add_ps(_mm256_mul_ps(tail, r), constant(0.0416663624f));
  tail = _mm256_add_ps(_mm256_mul_ps(tail, r), constant(0.166665733f));
  tail = _mm256_add_ps(_mm256_mul_ps(tail, r), constant(0.5f));
  const __m256 p = _mm256_add_ps(constant(1.0f), _mm256_add_ps(r, _mm256_mul_ps(_mm256_mul_ps(r, r), tail)));
  return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), _mm256_slli_epi32(_mm256_castps_si256(shifted), 23)));
}

static inline __m256 sigmoid(__m256 x, __m256 minus_magnitude) {
  const __m256 one = constant(1.0f), e = exp_of_negative(minus_magnitude);
  const __m256 numerator = _mm256_blendv_ps(one, e, _mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_LT_OQ));
  return _mm256_div_ps(numerator, _mm256_add_ps(one, e));
}

void ht_unary_f32_run_avx2(const ht_unary_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  if (p->kind != HT_SIGMOID && p->kind != HT_SILU) {
    ht_unary_f32_avx2(p, a, begin, end);
    return;
  }
  const int32_t last = end >= ht_unary_f32_units(p) ? p->count : end * HT_UNARY_BLOCK;
  const float* in = (const float*)a->inputs[0];
  float* out = (float*)a->output;
  for (int32_t i = begin * HT_UNARY_BLOCK, done; i < last; i += done) {
    if (last - i >= kLanes) {
      const __m256 x = _mm256_loadu_ps(in + i), minus_magnitude = _mm256_or_ps(x, constant(-0.0f));
      // Nor may it be no number at all.
      if (_mm256_movemask_ps(_mm256_cmp_ps(minus_magnitude, constant(-60.0f), _CMP_NGE_UQ)) == 0) {
        const __m256 y = sigmoid(x, minus_magnitude);
        _mm256_storeu_ps(out + i, p->kind == HT_SILU ? _mm256_mul_ps(x, y) : y);
        done = kLanes;
        continue;
      }
    }
    done = last - i < HT_UNARY_RUN ? last - i : HT_UNARY_RUN;
    ht_unary_f32_some(p, a, i, done);
  }
}
