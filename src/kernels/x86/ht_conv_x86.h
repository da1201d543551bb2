// SPDX-License-Identifier: Apache-2.0
// Convolutions by AVX2, AVX-512 VNNI and AMX instructions; bit for bit c/ht_conv.c, c/ht_depthwise.c, c/ht_conv_f32.c and
// c/ht_conv_s16.c.
#ifndef HT_CONV_X86_H
#define HT_CONV_X86_H

#include "kernels/c/ht_conv.h"
#include "kernels/c/ht_conv_f32.h"
#include "kernels/c/ht_conv_s16.h"
#include "kernels/c/ht_depthwise.h"

#ifdef __cplusplus
extern "C" {
#endif

// They read p->packed.
#define HT_DECLARE_CONV(name, isa)                                                          \
  size_t ht_##name##_packed_##isa(const ht_##name##_params* p);                             \
  void ht_##name##_pack_##isa(const ht_##name##_params* p, void* packed);                   \
  size_t ht_##name##_packed_scratch_##isa(const ht_##name##_params* p);                     \
  void ht_##name##_run_##isa(const ht_##name##_params* p, const ht_arguments* a, int32_t begin, int32_t end);
HT_DECLARE_CONV(conv, avx2)
HT_DECLARE_CONV(conv, avx512vnni)
HT_DECLARE_CONV(conv, amx)
HT_DECLARE_CONV(conv, amx_rows)
HT_DECLARE_CONV(conv, avx512vnni_rows)
HT_DECLARE_CONV(conv_f32, avx2)
HT_DECLARE_CONV(conv_f32, avx512vnni)
HT_DECLARE_CONV(conv_s16, avx2)
HT_DECLARE_CONV(conv_s16, avx512vnni)

// Those that tiles, and those that rows in place of gathered patches, are faster for.
bool ht_conv_accepts_amx(const ht_conv_params* p);
bool ht_conv_accepts_avx512vnni_rows(const ht_conv_params* p);
bool ht_conv_accepts_amx_rows(const ht_conv_params* p);

enum { HT_DEPTHWISE_TAPS = 121 };  // the largest filter, and a channel multiplier of 1
void ht_depthwise_run_avx2(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end);
void ht_depthwise_run_avx512(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end);
HT_DECLARE_CONV(depthwise, avx512vnni)
bool ht_depthwise_accepts_avx512vnni(const ht_depthwise_params* p);  // those with an epilogue in vectors
#undef HT_DECLARE_CONV

#ifdef __cplusplus
}
#endif
#endif
