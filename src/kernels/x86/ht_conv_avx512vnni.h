// SPDX-License-Identifier: Apache-2.0
// Convolutions by AVX-512 VNNI instructions; bit for bit c/ht_conv.c and c/ht_depthwise.c.
#ifndef HT_CONV_AVX512VNNI_H
#define HT_CONV_AVX512VNNI_H

#include "kernels/c/ht_conv.h"
#include "kernels/c/ht_depthwise.h"

#ifdef __cplusplus
extern "C" {
#endif

size_t ht_conv_packed_avx512vnni(const ht_conv_params* p);
void ht_conv_pack_avx512vnni(const ht_conv_params* p, void* packed);
size_t ht_conv_packed_scratch_avx512vnni(const ht_conv_params* p);
void ht_conv_run_avx512vnni(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end);  // reads p->packed

enum { HT_DEPTHWISE_TAPS = 121 };  // the largest filter, and a channel multiplier of 1
void ht_depthwise_run_avx512vnni(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
