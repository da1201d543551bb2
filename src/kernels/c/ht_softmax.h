// SPDX-License-Identifier: Apache-2.0
#ifndef HT_SOFTMAX_H
#define HT_SOFTMAX_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

// Along the middle of [outer][n][inner]; contiguous. A unit is one softmax (of outer * inner).
// int8: exponentials[d] = round(exp(-scale * d) * 2^16), d = 0..255 the distance from the maximum;
// output = clamp(round_half_up(e * 2^k / sum) + zero point): docs/NUMERICS.md.
typedef struct ht_softmax_params {
  int32_t outer, n, inner;
  const uint32_t* exponentials;  // [256]
  int32_t output_bits;           // the output's scale is 2^-output_bits (8: 1/256)
  int32_t output_zero_point;
} ht_softmax_params;

static inline int32_t ht_softmax_units(const ht_softmax_params* p) { return p->outer * p->inner; }
void HT_FN(ht_softmax)(const ht_softmax_params* p, const ht_arguments* a, int32_t begin, int32_t end);

typedef struct ht_softmax_f32_params {
  int32_t outer, n, inner;
  int32_t logarithm;  // 1: log of it
} ht_softmax_f32_params;

// What HT_SOFTMAXES has: of elements that are adjacent (inner is 1) or not, with the logarithm or without.
enum { HT_SOFTMAX_ADJACENT, HT_SOFTMAX_ADJACENT_LOG, HT_SOFTMAX_BESIDE, HT_SOFTMAX_BESIDE_LOG };

static inline int32_t ht_softmax_f32_units(const ht_softmax_f32_params* p) { return p->outer * p->inner; }
void HT_FN(ht_softmax_f32)(const ht_softmax_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
