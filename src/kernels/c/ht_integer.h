// SPDX-License-Identifier: Apache-2.0
// Functions of integers, booleans and comparisons; types are those of ht_element.h.
#ifndef HT_INTEGER_H
#define HT_INTEGER_H

#include "ht_binary.h"
#include "ht_element.h"

#ifdef __cplusplus
extern "C" {
#endif

// Kinds of ht_binary.h on integers of one type, in int64, wrapped to that type. Division truncates; by zero it gives 0, as do
// remainders. A power with negative exponent is truncated too. Comparisons give booleans. A unit is a row of the innermost
// dimension.
typedef struct ht_binary_int_params {
  int32_t kind;
  int32_t type;
  ht_broadcast shape;
} ht_binary_int_params;

static inline int32_t ht_binary_int_units(const ht_binary_int_params* p) { return ht_broadcast_rows(&p->shape); }
void HT_FN(ht_binary_int)(const ht_binary_int_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// HT_EQUAL and its kin on floats, to booleans. A unit is a row of the innermost dimension.
typedef struct ht_compare_f32_params {
  int32_t kind;
  ht_broadcast shape;
} ht_compare_f32_params;

static inline int32_t ht_compare_f32_units(const ht_compare_f32_params* p) { return ht_broadcast_rows(&p->shape); }
void HT_FN(ht_compare_f32)(const ht_compare_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// One function of each integer; may work in place. A unit is HT_INTEGER_BLOCK elements.
enum { HT_INT_CLIP = 0, HT_INT_NEG = 1, HT_INT_ABS = 2, HT_INT_SIGN = 3, HT_INT_NOT = 4 };
enum { HT_INTEGER_BLOCK = 256 };

typedef struct ht_unary_int_params {
  int32_t kind;
  int32_t type;
  int32_t count;
  int64_t low, high;  // of HT_INT_CLIP; the upper bound wins
} ht_unary_int_params;

static inline int32_t ht_unary_int_units(const ht_unary_int_params* p) {
  return (p->count + HT_INTEGER_BLOCK - 1) / HT_INTEGER_BLOCK;
}
void HT_FN(ht_unary_int)(const ht_unary_int_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// Elements of one type as another's: integers wrap; floats are truncated and saturated, not-a-number becomes 0; whatever is not
// 0 is true; an integer becomes the nearest float, half to even. A unit is HT_INTEGER_BLOCK elements.
typedef struct ht_cast_params {
  int32_t from, to;
  int32_t count;
} ht_cast_params;

static inline int32_t ht_cast_units(const ht_cast_params* p) { return (p->count + HT_INTEGER_BLOCK - 1) / HT_INTEGER_BLOCK; }
void HT_FN(ht_cast)(const ht_cast_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// Elements of 1, 2, 4 or 8 bytes: output = condition (bytes, inputs[0]) ? inputs[1] : inputs[2]. Strides are in elements, 0
// where an input is broadcast; the output's last one is 1. A unit is a row of the innermost dimension.
typedef struct ht_select_params {
  int32_t element_bytes;
  int32_t rank;  // at least 1
  int32_t shape[HT_MAX_RANK];
  int32_t stride[HT_MAX_INPUTS][HT_MAX_RANK];
  int32_t output_stride[HT_MAX_RANK];
} ht_select_params;

static inline int32_t ht_select_units(const ht_select_params* p) {
  int32_t rows = 1;
  for (int32_t i = 0; i + 1 < p->rank; ++i) rows *= p->shape[i];
  return rows;
}
void HT_FN(ht_select)(const ht_select_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// Integers [outer][n][inner] to [outer][inner], kinds of ht_reduce.h (sum, mean, max, min, product, L1, sum of squares), in
// int64, wrapped to the type; a mean truncates. A unit is an output element.
typedef struct ht_reduce_int_params {
  int32_t kind;
  int32_t type;
  int32_t outer, n, inner;
} ht_reduce_int_params;

static inline int32_t ht_reduce_int_units(const ht_reduce_int_params* p) { return p->outer * p->inner; }
void HT_FN(ht_reduce_int)(const ht_reduce_int_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
