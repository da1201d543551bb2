// SPDX-License-Identifier: Apache-2.0
// One source for AVX2 and AVX-512: eight or sixteen columns of a row at once, whose sixteen partial sums each (c/ht_sum.h) are added in halves together.
#include <immintrin.h>

#include "kernels/c/ht_sum.h"
#include "kernels/x86/ht_elements_x86.h"

#ifdef __AVX512F__
enum { kColumns = 16 };

static inline __m512 pair_halves(__m512 a, __m512 b) { return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee)); }
static inline __m512 pair_quarters(__m512 a, __m512 b) { return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd)); }
static inline __m512 pair_eighths(__m512 a, __m512 b) { return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee)); }
static inline __m512 pair_lanes(__m512 a, __m512 b) { return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xdd)); }

// Four adjacent rows are reached from one pointer, so that all pointers stay in registers.
#define HT_EACH_ROW(j) _Pragma("GCC unroll 16") for (int32_t j = 0; j < kColumns; ++j)
#define HT_ROW(j) (w[(j) / 4] + (j) % 4 * stride)

// The products of x with sixteen rows, `stride` apart, from `row` on.
static inline void dots(const float* x, const float* row, ptrdiff_t stride, int32_t depth, float* out) {
  __m512 s[kColumns];
  const float* w[] = {row, row + 4 * stride, row + 8 * stride, row + 12 * stride};
  HT_EACH_ROW(j) s[j] = _mm512_setzero_ps();
  for (; depth >= HT_LANES; depth -= HT_LANES, x += HT_LANES) {
    const __m512 now = _mm512_loadu_ps(x);
    HT_EACH_ROW(j) s[j] = _mm512_add_ps(s[j], _mm512_mul_ps(now, _mm512_loadu_ps(HT_ROW(j))));
    for (int32_t i = 0; i < 4; ++i) w[i] += HT_LANES;
  }
  if (depth > 0) {
    const __mmask16 mask = (__mmask16)((1u << depth) - 1u);
    const __m512 now = _mm512_maskz_loadu_ps(mask, x);
    HT_EACH_ROW(j) s[j] = _mm512_mask_add_ps(s[j], mask, s[j], _mm512_mul_ps(now, _mm512_maskz_loadu_ps(mask, HT_ROW(j))));
  }
  for (int32_t j = 0; j < 8; ++j) s[j] = pair_halves(s[2 * j], s[2 * j + 1]);
  for (int32_t j = 0; j < 4; ++j) s[j] = pair_quarters(s[2 * j], s[2 * j + 1]);
  for (int32_t j = 0; j < 2; ++j) s[j] = pair_eighths(s[2 * j], s[2 * j + 1]);
  // A quarter q of what is left has the columns q, q + 4, q + 8 and q + 12.
  const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  _mm512_storeu_ps(out, _mm512_permutexvar_ps(order, pair_lanes(s[0], s[1])));
}
#else
enum { kColumns = 8 };

static inline __m256 pair_halves(__m256 a, __m256 b) { return _mm256_add_ps(_mm256_permute2f128_ps(a, b, 0x20), _mm256_permute2f128_ps(a, b, 0x31)); }
static inline __m256 pair_quarters(__m256 a, __m256 b) { return _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xee)); }
static inline __m256 pair_lanes(__m256 a, __m256 b) { return _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xdd)); }

static inline __m256i lanes_below(int32_t count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

// The sums of the halves of sixteen partial ones, for four rows.
static inline void halves_of_dots(const float* x, const float* w, ptrdiff_t stride, int32_t depth, __m256* halves) {
  __m256 low[4], high[4];
  for (int32_t j = 0; j < 4; ++j) low[j] = high[j] = _mm256_setzero_ps();
  for (; depth >= HT_LANES; depth -= HT_LANES, x += HT_LANES, w += HT_LANES)
    for (int32_t j = 0; j < 4; ++j) {
      low[j] = _mm256_add_ps(low[j], _mm256_mul_ps(_mm256_loadu_ps(x), _mm256_loadu_ps(w + j * stride)));
      high[j] = _mm256_add_ps(high[j], _mm256_mul_ps(_mm256_loadu_ps(x + 8), _mm256_loadu_ps(w + j * stride + 8)));
    }
  if (depth > 0) {  // what is not loaded is 0, and adds nothing
    const __m256i first = lanes_below(depth), second = lanes_below(depth - 8);
    for (int32_t j = 0; j < 4; ++j) {
      low[j] = _mm256_add_ps(low[j], _mm256_mul_ps(_mm256_maskload_ps(x, first), _mm256_maskload_ps(w + j * stride, first)));
      high[j] = _mm256_add_ps(high[j], _mm256_mul_ps(_mm256_maskload_ps(x + 8, second), _mm256_maskload_ps(w + j * stride + 8, second)));
    }
  }
  for (int32_t j = 0; j < 4; ++j) halves[j] = _mm256_add_ps(low[j], high[j]);
}

static inline void dots(const float* x, const float* row, ptrdiff_t stride, int32_t depth, float* out) {
  __m256 s[kColumns];
  halves_of_dots(x, row, stride, depth, s);
  halves_of_dots(x, row + 4 * stride, stride, depth, s + 4);
  for (int32_t j = 0; j < 4; ++j) s[j] = pair_halves(s[2 * j], s[2 * j + 1]);
  for (int32_t j = 0; j < 2; ++j) s[j] = pair_quarters(s[2 * j], s[2 * j + 1]);
  // Each half of what is left has every second column.
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  _mm256_storeu_ps(out, _mm256_permutevar8x32_ps(pair_lanes(s[0], s[1]), order));
}
#endif

void HT_FN(ht_gemm_f32_run)(const ht_gemm_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t unit = begin; unit < end; ++unit) {
    const ptrdiff_t batch = unit / p->rows, row = unit % p->rows;
    const float* x = (const float*)a->inputs[0] + batch * p->a_batch_stride + row * p->a_stride;
    const float* w = (p->weights ? p->weights : (const float*)a->inputs[1]) + batch * p->b_batch_stride;
    float* out = (float*)a->output + batch * p->output_batch_stride + row * p->output_stride;
    for (int32_t n = 0; n < p->columns; n += kColumns, w += kColumns * (ptrdiff_t)p->b_stride) {
      const int32_t count = p->columns - n < kColumns ? p->columns - n : kColumns;
      float sums[kColumns];
      if (count == kColumns) {
        dots(x, w, p->b_stride, p->depth, sums);
      } else {
        for (int32_t j = 0; j < count; ++j) sums[j] = ht_dot_f32(x, w + j * (ptrdiff_t)p->b_stride, p->depth);
      }
      for (int32_t j = 0; j < count; ++j) {
        const float sum = p->alpha * sums[j];
        out[n + j] = p->bias ? sum + p->beta * p->bias[n + j] : sum;
      }
    }
  }
}
