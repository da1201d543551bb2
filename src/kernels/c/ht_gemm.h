// SPDX-License-Identifier: Apache-2.0
#ifndef HT_GEMM_H
#define HT_GEMM_H

#include "ht_epilogue.h"

#ifdef __cplusplus
extern "C" {
#endif

// output[b][m][n] from sum = bias[n] + sum over k of (A[b][m][k] - a_zero_point) * (B[b][n][k] - b_zero_point).
// A is inputs[0]; B is `weights` or, where that is NULL, inputs[1]. The epilogue's channel is n.
// A unit is an output row (of batch * rows). (A product with constant weights is also a 1x1 ht_conv over rows.)
typedef struct ht_gemm_params {
  int32_t batch, rows, columns, depth;
  int32_t a_stride, b_stride, output_stride;                    // elements from one row to the next
  int32_t a_batch_stride, b_batch_stride, output_batch_stride;  // 0: the same for every batch
  int32_t a_zero_point, b_zero_point;
  const int8_t* weights;
  const int32_t* bias;  // [columns] or NULL
  ht_epilogue epilogue;
} ht_gemm_params;

static inline int32_t ht_gemm_units(const ht_gemm_params* p) { return p->batch * p->rows; }
size_t HT_FN(ht_gemm_scratch)(const ht_gemm_params* p);
void HT_FN(ht_gemm)(const ht_gemm_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
