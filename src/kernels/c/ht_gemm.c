// SPDX-License-Identifier: Apache-2.0
#include "ht_gemm.h"

#include "ht_dot.h"
#include "ht_finish.h"

// Scratch: HT_DOT_ROWS widened rows of A, as many rows of sums, a row of zeros for a missing bias.
static size_t rows_bytes(const ht_gemm_params* p) { return (HT_DOT_ROWS * (size_t)p->depth * sizeof(int16_t) + 63) / 64 * 64; }

size_t HT_FN(ht_gemm_scratch)(const ht_gemm_params* p) {
  return rows_bytes(p) + (HT_DOT_ROWS + 1) * (size_t)p->columns * sizeof(int32_t);
}

static int32_t widen_row(const int8_t* HT_RESTRICT from, int32_t zero_point, int32_t count, int16_t* HT_RESTRICT to) {
  int32_t sum = 0;
  for (int32_t i = 0; i < count; ++i) {
    to[i] = (int16_t)(from[i] - zero_point);
    sum += to[i];
  }
  return sum;
}

void HT_FN(ht_gemm)(const ht_gemm_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  int16_t* x = (int16_t*)a->scratch;
  int32_t* sums = (int32_t*)((char*)a->scratch + rows_bytes(p));
  int32_t* zeros = sums + HT_DOT_ROWS * (size_t)p->columns;
  for (int32_t n = 0; n < p->columns; ++n) zeros[n] = 0;
  for (int32_t unit = begin; unit < end;) {
    const int32_t batch = unit / p->rows, row = unit % p->rows;
    const int32_t left = end - unit < p->rows - row ? end - unit : p->rows - row;
    const int32_t valid = left < HT_DOT_ROWS ? left : HT_DOT_ROWS;
    const int8_t* from = (const int8_t*)a->inputs[0] + (ptrdiff_t)batch * p->a_batch_stride;
    const int8_t* b = (p->weights ? p->weights : (const int8_t*)a->inputs[1]) + (ptrdiff_t)batch * p->b_batch_stride;
    int32_t correction[HT_DOT_ROWS];
    for (int32_t r = 0; r < HT_DOT_ROWS; ++r)  // a short tile repeats its last row
      correction[r] = p->b_zero_point * widen_row(from + (ptrdiff_t)(row + (r < valid ? r : valid - 1)) * p->a_stride,
                                                  p->a_zero_point, p->depth, x + (ptrdiff_t)r * p->depth);
    ht_dot_rows(x, (size_t)p->depth, b, (size_t)p->b_stride, p->depth, p->columns, p->bias ? p->bias : zeros, sums,
                (size_t)p->columns);
    for (int32_t r = 0; r < valid; ++r) {
      int32_t* row_sums = sums + (ptrdiff_t)r * p->columns;
      if (correction[r] != 0)
        for (int32_t n = 0; n < p->columns; ++n) row_sums[n] -= correction[r];
      ht_finish(&p->epilogue, 0, p->columns, row_sums, a->output,
                (size_t)((ptrdiff_t)batch * p->output_batch_stride + (ptrdiff_t)(row + r) * p->output_stride));
    }
    unit += valid;
  }
}
