// SPDX-License-Identifier: Apache-2.0
#ifndef HT_NORMALIZE_H
#define HT_NORMALIZE_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

// Rows of n adjacent floats: (x - mean) / sqrt(variance + epsilon), the variance being the mean of (x - mean)^2; without
// `subtract_mean` the mean is taken to be 0. Sums in interleaved partial sums (docs/NUMERICS.md). A unit is a row.
typedef struct ht_normalize_f32_params {
  int32_t rows, n;
  int32_t subtract_mean;
  float epsilon;
} ht_normalize_f32_params;

static inline int32_t ht_normalize_f32_units(const ht_normalize_f32_params* p) { return p->rows; }
void HT_FN(ht_normalize_f32)(const ht_normalize_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
