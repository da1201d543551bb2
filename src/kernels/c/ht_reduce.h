// SPDX-License-Identifier: Apache-2.0
#ifndef HT_REDUCE_H
#define HT_REDUCE_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  HT_REDUCE_SUM = 0,
  HT_REDUCE_MEAN = 1,
  HT_REDUCE_MAX = 2,
  HT_REDUCE_MIN = 3,
  HT_REDUCE_PROD = 4,
  HT_REDUCE_L1 = 5,
  HT_REDUCE_L2 = 6,
  HT_REDUCE_SUM_SQUARE = 7,
  HT_REDUCE_LOG_SUM = 8,
  HT_REDUCE_LOG_SUM_EXP = 9
};

// Floats [outer][n][inner] to [outer][inner]; contiguous. Sums in sixteen interleaved partial sums (docs/NUMERICS.md).
// A unit is an output element.
typedef struct ht_reduce_f32_params {
  int32_t kind;
  int32_t outer, n, inner;
} ht_reduce_f32_params;

static inline int32_t ht_reduce_f32_units(const ht_reduce_f32_params* p) { return p->outer * p->inner; }
void HT_FN(ht_reduce_f32)(const ht_reduce_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
