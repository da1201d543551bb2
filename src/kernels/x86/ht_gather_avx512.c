// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/ht_elements_x86.h"

// A shuffle of channels: rows of at most 128 bytes to rows of at most 128, by permutations of two vectors. Processors without
// AVX-512 VBMI, and other gathers, get the compiler's rendering of c/ht_copy.c.
enum { kVector = 64, kMost = 2 * kVector };

static inline __mmask64 first_bytes(int32_t count) {
  if (count <= 0) return 0;
  return count >= kVector ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
}

static bool is_shuffle(const ht_gather_params* p) {
  return p->element_bytes == 1 && p->inner == 1 && p->indices && p->axis <= kMost && p->count <= kMost && __builtin_cpu_supports("avx512vbmi");
}

static int8_t place(int32_t index, int32_t axis) {
  index = index < 0 ? index + axis : index;
  return (int8_t)(index < 0 ? 0 : (index >= axis ? axis - 1 : index));
}

__attribute__((target("avx512vbmi"))) static void shuffle_rows(const ht_gather_params* p, const int8_t* in, int8_t* out, int32_t rows) {
  int8_t index[kMost] = {0};
  for (int32_t i = 0; i < p->count; ++i) index[i] = place(p->indices[i], p->axis);
  const __m512i low = _mm512_loadu_si512(index), high = _mm512_loadu_si512(index + kVector);
  const __mmask64 in0 = first_bytes(p->axis), in1 = first_bytes(p->axis - kVector);
  const __mmask64 out0 = first_bytes(p->count), out1 = first_bytes(p->count - kVector);
  for (int32_t row = 0; row < rows; ++row, in += p->axis, out += p->count) {
    const __m512i a = _mm512_maskz_loadu_epi8(in0, in), b = in1 ? _mm512_maskz_loadu_epi8(in1, in + kVector) : a;
    _mm512_mask_storeu_epi8(out, out0, _mm512_permutex2var_epi8(a, low, b));
    if (out1) _mm512_mask_storeu_epi8(out + kVector, out1, _mm512_permutex2var_epi8(a, high, b));
  }
}

void ht_gather_run_avx512(const ht_gather_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t first = (begin + p->count - 1) / p->count, last = end / p->count;  // whole rows
  if (!is_shuffle(p) || first >= last) {
    ht_gather_avx512vnni(p, a, begin, end);
    return;
  }
  ht_gather_avx512vnni(p, a, begin, first * p->count);
  shuffle_rows(p, (const int8_t*)a->inputs[0] + (ptrdiff_t)first * p->axis, (int8_t*)a->output + (ptrdiff_t)first * p->count, last - first);
  ht_gather_avx512vnni(p, a, last * p->count, end);
}
