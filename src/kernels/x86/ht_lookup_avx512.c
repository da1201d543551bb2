// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/ht_elements_x86.h"

// Bytes looked up by AVX-512 VBMI, whose permutations choose among the bytes of two vectors. Processors without it, and what is not said
// here, get the compiler's rendering of the normative source.

static __mmask64 first_bytes(int32_t count) {
  if (count <= 0) return 0;
  return count >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
}

// One table for all channels. The sign of an input tells which half of the table it selects from.
__attribute__((target("avx512vbmi"))) static void look_up(const int8_t* table, const int8_t* in, int8_t* out, int32_t count) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  for (int32_t i = 0; i < count; i += 64) {
    const __mmask64 mask = first_bytes(count - i);
    const __m512i x = _mm512_maskz_loadu_epi8(mask, in + i);
    const __m512i negative = _mm512_permutex2var_epi8(t0, x, t1), other = _mm512_permutex2var_epi8(t2, x, t3);
    _mm512_mask_storeu_epi8(out + i, mask, _mm512_mask_mov_epi8(other, _mm512_movepi8_mask(x), negative));
  }
}

void ht_table_run_avx512(const ht_table_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  if (p->table_step != 0 || !__builtin_cpu_supports("avx512vbmi")) {
    ht_table_avx512vnni(p, a, begin, end);
    return;
  }
  const bool gapless = p->input_stride == p->channels && p->output_stride == p->channels;
  const int32_t rows = gapless ? 1 : end - begin, count = gapless ? (end - begin) * p->channels : p->channels;
  const int8_t* in = (const int8_t*)a->inputs[0] + (ptrdiff_t)begin * p->input_stride;
  int8_t* out = (int8_t*)a->output + (ptrdiff_t)begin * p->output_stride;
  for (int32_t row = 0; row < rows; ++row, in += p->input_stride, out += p->output_stride) look_up(p->table, in, out, count);
}

// A shuffle of channels: rows of at most 512 bytes to rows of at most 512, by permutations of pairs of vectors.
enum { kVector = 64, kPair = 2 * kVector, kMost = 512, kPairs = kMost / kPair };

// 64 adjacent bytes of the output: where in its pair of vectors each is found, and which pair that is.
typedef struct shuffle {
  __m512i place;
  __mmask64 of_pair[kPairs], written;
} shuffle;

static bool is_shuffle(const ht_gather_params* p) {
  return p->element_bytes == 1 && p->inner == 1 && p->indices && p->axis <= kMost && p->count <= kMost && __builtin_cpu_supports("avx512vbmi");
}

static int32_t source(int32_t index, int32_t axis) {
  index = index < 0 ? index + axis : index;
  return index < 0 ? 0 : (index >= axis ? axis - 1 : index);
}

static shuffle shuffle_of(const ht_gather_params* p, int32_t first) {
  shuffle s = {.written = first_bytes(p->count - first)};
  int8_t place[kVector] = {0};
  for (int32_t i = 0; i < kVector && first + i < p->count; ++i) {
    const int32_t from = source(p->indices[first + i], p->axis);
    place[i] = (int8_t)(from % kPair);
    s.of_pair[from / kPair] |= (__mmask64)1 << i;
  }
  s.place = _mm512_loadu_si512(place);
  return s;
}

__attribute__((target("avx512vbmi"))) static void shuffle_rows(const ht_gather_params* p, const int8_t* in, int8_t* out, int32_t rows) {
  const int32_t vectors = (p->count + kVector - 1) / kVector, pairs = (p->axis + kPair - 1) / kPair;
  shuffle shuffles[kMost / kVector];
  for (int32_t v = 0; v < vectors; ++v) shuffles[v] = shuffle_of(p, v * kVector);
  for (int32_t row = 0; row < rows; ++row, in += p->axis, out += p->count) {
    __m512i from[2 * kPairs];
    from[0] = _mm512_maskz_loadu_epi8(first_bytes(p->axis), in);
    from[1] = _mm512_maskz_loadu_epi8(first_bytes(p->axis - kVector), in + kVector);
    for (int32_t i = 2; i < 2 * pairs; ++i) from[i] = _mm512_maskz_loadu_epi8(first_bytes(p->axis - i * kVector), in + i * kVector);
    for (int32_t v = 0; v < vectors; ++v) {
      const shuffle* s = &shuffles[v];
      __m512i found = _mm512_permutex2var_epi8(from[0], s->place, from[1]);
      for (int32_t i = 1; i < pairs; ++i)
        found = _mm512_mask_mov_epi8(found, s->of_pair[i], _mm512_permutex2var_epi8(from[2 * i], s->place, from[2 * i + 1]));
      _mm512_mask_storeu_epi8(out + v * kVector, s->written, found);
    }
  }
}

void ht_gather_run_avx512(const ht_gather_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  if (begin >= end) return;  // as where no index is given
  const int32_t first = (begin + p->count - 1) / p->count, last = end / p->count;  // whole rows
  if (!is_shuffle(p) || first >= last) {
    ht_gather_avx512vnni(p, a, begin, end);
    return;
  }
  ht_gather_avx512vnni(p, a, begin, first * p->count);
  shuffle_rows(p, (const int8_t*)a->inputs[0] + (ptrdiff_t)first * p->axis, (int8_t*)a->output + (ptrdiff_t)first * p->count, last - first);
  ht_gather_avx512vnni(p, a, last * p->count, end);
}
