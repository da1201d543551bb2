// SPDX-License-Identifier: Apache-2.0
#ifndef HT_COPY_H
#define HT_COPY_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

// Moves elements of 1, 2, 4 or 8 bytes: transpose, slice with any step, a piece of a concatenation, broadcast.
// Offsets and strides are in elements; input strides may be 0 or negative. A unit is a row of the innermost dimension.
typedef struct ht_copy_params {
  int32_t element_bytes;
  int32_t rank;  // at least 1
  int32_t shape[HT_MAX_RANK];
  int32_t input_stride[HT_MAX_RANK];
  int32_t output_stride[HT_MAX_RANK];
  int32_t input_offset, output_offset;
} ht_copy_params;

static inline int32_t ht_copy_units(const ht_copy_params* p) {
  int32_t rows = 1;
  for (int32_t i = 0; i + 1 < p->rank; ++i) rows *= p->shape[i];
  return rows;
}
void HT_FN(ht_copy)(const ht_copy_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// Writes one value a channel: output[r][c] = values[c * channel_step]. A unit is a row.
typedef struct ht_fill_params {
  int32_t element_bytes;
  int32_t rank;  // at least 1; the last dimension is the channel
  int32_t shape[HT_MAX_RANK];
  int32_t output_stride[HT_MAX_RANK];
  int32_t output_offset;
  int32_t channel_step;
  const void* values;
} ht_fill_params;

static inline int32_t ht_fill_units(const ht_fill_params* p) {
  int32_t rows = 1;
  for (int32_t i = 0; i + 1 < p->rank; ++i) rows *= p->shape[i];
  return rows;
}
void HT_FN(ht_fill)(const ht_fill_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// output[o][i][n] = inputs[0][o][index[i]][n], n over `inner` elements. Indices are int32 in `indices` or, where that is
// NULL, in inputs[1]; negative ones count from the end and what is still outside is clamped. A unit is a pair (o, i).
typedef struct ht_gather_params {
  int32_t element_bytes;
  int32_t outer, axis, count, inner;
  const int32_t* indices;
} ht_gather_params;

static inline int32_t ht_gather_units(const ht_gather_params* p) { return p->outer * p->count; }
void HT_FN(ht_gather)(const ht_gather_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
