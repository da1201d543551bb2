// SPDX-License-Identifier: Apache-2.0
#ifndef HT_CLAMP_DSP_H
#define HT_CLAMP_DSP_H

#include "kernels/cortex_m/ht_packed_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

// Bounds the values of `channels` channels of some pixels, from `pixel` on, that are within 8 bits; pixels lie `stride` apart.
void HT_FN(ht_clamp_dsp)(const void* packed, int32_t channels, int32_t pixels, int32_t stride, void* output, int32_t pixel);

// A bundle's ht_config.h says so where no layer has bounds other than those of bytes.
#ifndef HT_BOUNDS
#define HT_BOUNDS 1
#endif
static inline void ht_bound_rows(const void* packed, int32_t channels, int32_t width, int32_t stride, void* output, int32_t begin,
                                 int32_t end) {
  if (HT_BOUNDS) HT_FN(ht_clamp_dsp)(packed, channels, (end - begin) * width, stride, output, begin * width);
}

#ifdef __cplusplus
}
#endif
#endif
