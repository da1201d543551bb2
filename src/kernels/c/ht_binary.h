// SPDX-License-Identifier: Apache-2.0
#ifndef HT_BINARY_H
#define HT_BINARY_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  HT_ADD = 0,
  HT_SUB = 1,
  HT_MUL = 2,
  HT_DIV = 3,  // HT_DIV and those after it in float only
  HT_MIN = 4,
  HT_MAX = 5,
  HT_POW = 6,
  HT_PRELU = 7,  // x >= 0 ? x : x * y
  HT_EQUAL = 8,  // HT_EQUAL to HT_GREATER_EQUAL give booleans (ht_integer.h)
  HT_LESS = 9,
  HT_GREATER = 10,
  HT_LESS_EQUAL = 11,
  HT_GREATER_EQUAL = 12,
  HT_FMOD = 13,  // the remainder has the dividend's sign
  HT_MOD = 14,   // the remainder has the divisor's sign; HT_MOD and those after it on integers only
  HT_AND = 15,
  HT_OR = 16,
  HT_XOR = 17
};

// How two tensors meet: shape[0..rank) is the output's, strides are in elements and 0 where an input is broadcast.
typedef struct ht_broadcast {
  int32_t rank;  // at least 1
  int32_t shape[HT_MAX_RANK];
  int32_t a_stride[HT_MAX_RANK];
  int32_t b_stride[HT_MAX_RANK];
  int32_t output_stride[HT_MAX_RANK];  // the last one is 1
} ht_broadcast;

// Where row `row` of the outer dimensions begins in each tensor.
static inline void ht_broadcast_locate(const ht_broadcast* s, int32_t row, ptrdiff_t* a, ptrdiff_t* b, ptrdiff_t* output) {
  *a = *b = *output = 0;
  for (int32_t i = s->rank - 2; i >= 0; --i) {
    const int32_t at = row % s->shape[i];
    row /= s->shape[i];
    *a += (ptrdiff_t)at * s->a_stride[i];
    *b += (ptrdiff_t)at * s->b_stride[i];
    *output += (ptrdiff_t)at * s->output_stride[i];
  }
}

// Whether neither input is broadcast and nothing has gaps: then any rows in a row are one long row.
static inline bool ht_broadcast_gapless(const ht_broadcast* s) {
  int32_t step = 1;
  for (int32_t i = s->rank - 1; i >= 0; --i) {
    if (s->shape[i] != 1 && (s->a_stride[i] != step || s->b_stride[i] != step || s->output_stride[i] != step)) return false;
    step *= s->shape[i];
  }
  return true;
}

// int8 add, subtract, multiply; may work in place. A unit is a row of the innermost dimension (the product of the other dimensions).
// The innermost dimension is the channel where scales are per channel (`channel_step` 1), else every array has one entry (0).
//
// HT_FLOAT_HALF_EVEN, x = float(qa - a_zero_point), y = float(qb - b_zero_point):
//   add, sub: clamp(round_half_even(x * a_ratio +- y * b_ratio) + output_zero_point, -128, 127), the ratios
//             float(a_scale / output_scale), float(b_scale / output_scale)
//   mul:      clamp(round_half_even((x * y) * a_ratio + float(output_zero_point + 128)), 0, 255) - 128, a_ratio
//             float(a_scale * b_scale) / output_scale, each step in float; ONNX Runtime adds the zero point before it rounds
// HT_FIXED_SINGLE: docs/NUMERICS.md; a_fixed, b_fixed and shift stand for the ratios.
typedef struct ht_binary_params {
  int32_t kind;
  int32_t policy;
  ht_broadcast shape;
  int32_t channel_step;
  const float* a_ratio;
  const float* b_ratio;
  const int32_t* a_fixed;  // ratio = fixed * 2^(shift - 31), one shift for both (ht_binary_multipliers)
  const int32_t* b_fixed;
  const int32_t* shift;
  const int8_t* a_zero_point;
  const int8_t* b_zero_point;
  const int8_t* output_zero_point;
} ht_binary_params;

static inline int32_t ht_broadcast_rows(const ht_broadcast* shape) {
  int32_t rows = 1;
  for (int32_t i = 0; i + 1 < shape->rank; ++i) rows *= shape->shape[i];
  return rows;
}
static inline int32_t ht_binary_units(const ht_binary_params* p) { return ht_broadcast_rows(&p->shape); }
void HT_FN(ht_binary)(const ht_binary_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// HT_ADD to HT_PRELU and HT_FMOD on floats; may work in place. A unit is a row of the innermost dimension.
typedef struct ht_binary_f32_params {
  int32_t kind;
  ht_broadcast shape;
} ht_binary_f32_params;

static inline int32_t ht_binary_f32_units(const ht_binary_f32_params* p) { return ht_broadcast_rows(&p->shape); }
void HT_FN(ht_binary_f32)(const ht_binary_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
