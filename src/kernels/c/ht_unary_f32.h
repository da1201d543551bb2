// SPDX-License-Identifier: Apache-2.0
#ifndef HT_UNARY_F32_H
#define HT_UNARY_F32_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  HT_IDENTITY = 0,
  HT_RELU = 1,
  HT_CLIP = 2,        // alpha: minimum, beta: maximum
  HT_LEAKY_RELU = 3,  // alpha: slope below 0
  HT_SIGMOID = 4,
  HT_TANH = 5,
  HT_SILU = 6,
  HT_HARD_SWISH = 7,    // x * clip(x / 6 + 0.5, 0, 1)
  HT_HARD_SIGMOID = 8,  // clip(alpha * x + beta, 0, 1)
  HT_EXP = 9,
  HT_LOG = 10,
  HT_SQRT = 11,
  HT_NEG = 12,
  HT_ABS = 13,
  HT_FLOOR = 14,
  HT_CEIL = 15,
  HT_ROUND = 16,  // half to even
  HT_RECIPROCAL = 17,
  HT_ERF = 18,
  HT_GELU = 19,  // with erf
  HT_GELU_TANH = 20,
  HT_ELU = 21,   // alpha
  HT_SELU = 22,  // alpha, beta: gamma
  HT_CELU = 23,  // alpha
  HT_SOFTPLUS = 24,
  HT_SOFTSIGN = 25,
  HT_MISH = 26,
  HT_THRESHOLDED_RELU = 27,  // alpha
  HT_SQUARE = 28,
  HT_SIGN = 29,
  HT_SIN = 30,
  HT_COS = 31
};

// output[i] = f(input[i]) over contiguous floats; may work in place. A unit is HT_UNARY_BLOCK elements.
enum { HT_UNARY_BLOCK = 1024 };

typedef struct ht_unary_f32_params {
  int32_t kind;
  int32_t count;
  float alpha, beta;
} ht_unary_f32_params;

static inline int32_t ht_unary_f32_units(const ht_unary_f32_params* p) {
  return (p->count + HT_UNARY_BLOCK - 1) / HT_UNARY_BLOCK;
}
void HT_FN(ht_unary_f32)(const ht_unary_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
