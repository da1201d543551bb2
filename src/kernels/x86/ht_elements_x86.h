// SPDX-License-Identifier: Apache-2.0
// Kernels that move, pool, convert or map elements by AVX-512 and AVX2 instructions; bit for bit those of c/. They fall back on the
// compiler's renderings for what they have no faster form of.
#ifndef HT_ELEMENTS_X86_H
#define HT_ELEMENTS_X86_H

#include "kernels/c/ht_binary.h"
#include "kernels/c/ht_conv_f32.h"
#include "kernels/c/ht_convert.h"
#include "kernels/c/ht_copy.h"
#include "kernels/c/ht_pool.h"
#include "kernels/c/ht_table.h"
#include "kernels/c/ht_unary_f32.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HT_DECLARE(name, type)                                                                                 \
  void ht_##name##_avx512vnni(const ht_##type##_params* p, const ht_arguments* a, int32_t begin, int32_t end); \
  void ht_##name##_run_avx512(const ht_##type##_params* p, const ht_arguments* a, int32_t begin, int32_t end);
HT_DECLARE(binary, binary)
HT_DECLARE(copy, copy)
HT_DECLARE(depthwise_f32, depthwise_f32)
HT_DECLARE(dequantize, convert)
HT_DECLARE(gather, gather)
HT_DECLARE(pool, pool)
HT_DECLARE(quantize, convert)
HT_DECLARE(table, table)
HT_DECLARE(unary_f32, unary_f32)
#undef HT_DECLARE
void ht_unary_f32_avx2(const ht_unary_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);
void ht_unary_f32_run_avx2(const ht_unary_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

void ht_gemm_f32_run_avx2(const ht_gemm_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);
void ht_gemm_f32_run_avx512vnni(const ht_gemm_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
