// SPDX-License-Identifier: Apache-2.0
#ifndef HT_CONV_WIDE_H
#define HT_CONV_WIDE_H

#include "ht_conv.h"

#ifdef __cplusplus
extern "C" {
#endif

// ht_conv with weights of 16 bits in place of conv.weights: those of 8 bits less their zero points, which fill nine bits.
typedef struct ht_conv_wide_params {
  ht_conv_params conv;
  const int16_t* weights;  // [output_channels][kernel_height][kernel_width][input_channels / groups]
} ht_conv_wide_params;

static inline int32_t ht_conv_wide_units(const ht_conv_wide_params* p) { return ht_conv_units(&p->conv); }
size_t HT_FN(ht_conv_wide_scratch)(const ht_conv_wide_params* p);
void HT_FN(ht_conv_wide)(const ht_conv_wide_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
