// SPDX-License-Identifier: Apache-2.0
// Elements chosen by indices that are computed at run time. An index is int32 or int64; a negative one counts from the end, and
// what is outside still is clamped.
#ifndef HT_INDEX_H
#define HT_INDEX_H

#include "ht_element.h"

#ifdef __cplusplus
extern "C" {
#endif

// Where tuples of indices point, as int32. The indices are [shape...][depth]; the tuple at p of the grid points to
// sum over axes of p[axis] * own_stride[axis] + sum over k of index[k] * stride[k], index[k] within `size[k]`. A unit is a row of
// the grid's innermost axis.
typedef struct ht_positions_params {
  int32_t index_bytes;  // 4 or 8
  int32_t rank;         // at least 1
  int32_t shape[HT_MAX_RANK];
  int32_t own_stride[HT_MAX_RANK];
  int32_t depth;
  int32_t size[HT_MAX_RANK];
  int32_t stride[HT_MAX_RANK];
} ht_positions_params;

static inline int32_t ht_positions_units(const ht_positions_params* p) {
  int32_t rows = 1;
  for (int32_t i = 0; i + 1 < p->rank; ++i) rows *= p->shape[i];
  return rows;
}
void HT_FN(ht_positions)(const ht_positions_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// output[o][i][n] = inputs[0][o * outer_stride + positions[i] + n], n over `inner`, positions (int32) in inputs[1]. A unit is a
// pair (o, i).
typedef struct ht_take_params {
  int32_t element_bytes;
  int32_t outer, outer_stride;
  int32_t count, inner;
} ht_take_params;

static inline int32_t ht_take_units(const ht_take_params* p) { return p->outer * p->count; }
void HT_FN(ht_take)(const ht_take_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// Changes an output that is already there: output[positions[i] + n] = reduction of that and inputs[0][i][n], for i in order,
// positions in inputs[1]. There is one unit, because positions may repeat.
enum { HT_PUT_COPY = 0, HT_PUT_ADD = 1, HT_PUT_MUL = 2, HT_PUT_MAX = 3, HT_PUT_MIN = 4 };

typedef struct ht_put_params {
  int32_t reduction;
  int32_t type;
  int32_t count, inner;
} ht_put_params;

static inline int32_t ht_put_units(const ht_put_params* p) {
  (void)p;
  return 1;
}
void HT_FN(ht_put)(const ht_put_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// The index (int64) of the largest or least element along n of [outer][n][inner]: of equal ones the first or the last. A unit is
// an output element.
typedef struct ht_argmax_params {
  int32_t type;
  int32_t outer, n, inner;
  int32_t smallest, last;
} ht_argmax_params;

static inline int32_t ht_argmax_units(const ht_argmax_params* p) { return p->outer * p->inner; }
void HT_FN(ht_argmax)(const ht_argmax_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// The indices (int64) of the k largest or least elements along n, in that order; of equal ones the first comes first.
// [outer][n][inner] to [outer][k][inner]; 1 <= k <= n. A unit is one selection (of outer * inner).
typedef struct ht_topk_params {
  int32_t type;
  int32_t outer, n, inner, k;
  int32_t smallest;
} ht_topk_params;

static inline int32_t ht_topk_units(const ht_topk_params* p) { return p->outer * p->inner; }
size_t HT_FN(ht_topk_scratch)(const ht_topk_params* p);
void HT_FN(ht_topk)(const ht_topk_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// Sums or products up to each element along n of [outer][n][inner], in order, starting from 0 or 1; `exclusive` leaves the
// element itself out, `reverse` starts at the end. Integers wrap. A unit is one row (of outer * inner).
typedef struct ht_cumulative_params {
  int32_t product;
  int32_t type;
  int32_t outer, n, inner;
  int32_t exclusive, reverse;
} ht_cumulative_params;

static inline int32_t ht_cumulative_units(const ht_cumulative_params* p) { return p->outer * p->inner; }
void HT_FN(ht_cumulative)(const ht_cumulative_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
