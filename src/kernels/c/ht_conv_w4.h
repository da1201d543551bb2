// SPDX-License-Identifier: Apache-2.0
#ifndef HT_CONV_W4_H
#define HT_CONV_W4_H

#include "ht_conv.h"

#ifdef __cplusplus
extern "C" {
#endif

// ht_conv with weights of 4 bits in place of conv.weights: two a byte, the first in the low half, each row of
// (kernel_height * kernel_width * input_channels / groups + 1) / 2 bytes its own.
typedef struct ht_conv_w4_params {
  ht_conv_params conv;
  const uint8_t* weights;  // [output_channels][row]
  const void* packed;      // what the variant's pack() wrote, NULL where it has none
} ht_conv_w4_params;

static inline int32_t ht_conv_w4_units(const ht_conv_w4_params* p) { return ht_conv_units(&p->conv); }
size_t HT_FN(ht_conv_w4_scratch)(const ht_conv_w4_params* p);
void HT_FN(ht_conv_w4)(const ht_conv_w4_params* p, const ht_arguments* a, int32_t begin, int32_t end);

// One row of weights as ht_conv has them.
static inline void ht_unpack_w4(const uint8_t* HT_RESTRICT from, size_t count, int8_t* HT_RESTRICT to) {
  for (size_t i = 0; i < count; ++i) {
    const int32_t half = i % 2 == 0 ? from[i / 2] & 15 : from[i / 2] >> 4;
    to[i] = (int8_t)((half ^ 8) - 8);
  }
}

#ifdef __cplusplus
}
#endif
#endif
