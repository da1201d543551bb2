// SPDX-License-Identifier: Apache-2.0
#ifndef HT_CLAMP_DSP_H
#define HT_CLAMP_DSP_H

#include "kernels/cortex_m/ht_packed_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

// Bounds the values of `channels` channels of some pixels, from `pixel` on, that are within 8 bits; pixels lie `stride` apart.
void HT_FN(ht_clamp_dsp)(const void* packed, int32_t channels, int32_t pixels, int32_t stride, void* output, int32_t pixel);

#ifdef __cplusplus
}
#endif
#endif
