// SPDX-License-Identifier: Apache-2.0
// Convolutions by NEON instructions, by its dot products and by its matrix products; bit for bit c/ht_conv.c and
// c/ht_depthwise.c.
#ifndef HT_CONV_ARM_H
#define HT_CONV_ARM_H

#include "kernels/c/ht_conv.h"
#include "kernels/c/ht_depthwise.h"

#ifdef __cplusplus
extern "C" {
#endif

// They read p->packed.
#define HT_DECLARE_CONV(name, isa)                                        \
  size_t ht_##name##_packed_##isa(const ht_##name##_params* p);           \
  void ht_##name##_pack_##isa(const ht_##name##_params* p, void* packed); \
  size_t ht_##name##_packed_scratch_##isa(const ht_##name##_params* p);   \
  void ht_##name##_run_##isa(const ht_##name##_params* p, const ht_arguments* a, int32_t begin, int32_t end);
HT_DECLARE_CONV(conv, neon)
HT_DECLARE_CONV(conv, dotprod)
HT_DECLARE_CONV(conv, i8mm)

HT_DECLARE_CONV(depthwise, neon)
HT_DECLARE_CONV(depthwise, dotprod)
bool ht_depthwise_accepts_neon(const ht_depthwise_params* p);     // a channel multiplier of 1 and filters of up to 121 taps
bool ht_depthwise_accepts_dotprod(const ht_depthwise_params* p);  // filters of three by three taps
#undef HT_DECLARE_CONV

#ifdef __cplusplus
}
#endif
#endif
