// SPDX-License-Identifier: Apache-2.0
#ifndef HT_CONV_W4_H
#define HT_CONV_W4_H

#include "ht_conv.h"

#ifdef __cplusplus
extern "C" {
#endif

// ht_conv with weights of 4 bits in place of conv.weights, two a byte, the first in the low half; an odd one is the last of its
// row, and each output's row begins with a byte of its own. With multiples, the inputs of each tap in blocks of `block` (the last one may be
// shorter) have their weights multiplied by a number from 1 to 16, which is stored less 1, tap by tap, as the weights are.
typedef struct ht_conv_w4_params {
  ht_conv_params conv;
  int32_t block;             // 0: no multiples
  const uint8_t* weights;    // [output_channels][row of kernel_height * kernel_width * input_channels / groups halves]
  const uint8_t* multiples;  // [output_channels][row of kernel_height * kernel_width * blocks halves]
  const void* packed;        // what the variant's pack() wrote, NULL where it has none
} ht_conv_w4_params;

static inline int32_t ht_conv_w4_units(const ht_conv_w4_params* p) { return ht_conv_units(&p->conv); }
size_t HT_FN(ht_conv_w4_scratch)(const ht_conv_w4_params* p);
void HT_FN(ht_conv_w4)(const ht_conv_w4_params* p, const ht_arguments* a, int32_t begin, int32_t end);

static inline int32_t ht_half(const uint8_t* bytes, size_t i) { return i % 2 == 0 ? bytes[i / 2] & 15 : bytes[i / 2] >> 4; }

// Row `output` of the weights as ht_conv has them.
static inline void ht_unpack_w4(const ht_conv_w4_params* p, int32_t output, int8_t* HT_RESTRICT to) {
  const int32_t inputs = p->conv.input_channels / p->conv.groups;
  const size_t taps = (size_t)p->conv.kernel_height * (size_t)p->conv.kernel_width, depth = taps * (size_t)inputs;
  const uint8_t* from = p->weights + (size_t)output * ((depth + 1) / 2);
  for (size_t i = 0; i < depth; ++i) to[i] = (int8_t)((ht_half(from, i) ^ 8) - 8);
  if (p->block == 0) return;
  const size_t blocks = (size_t)((inputs + p->block - 1) / p->block), count = taps * blocks;
  const uint8_t* multiples = p->multiples + (size_t)output * ((count + 1) / 2);
  for (size_t b = 0; b < count; ++b) {
    const int32_t multiple = ht_half(multiples, b) + 1, left = inputs - (int32_t)(b % blocks) * p->block;
    for (int32_t i = left < p->block ? left : p->block; i > 0; --i, ++to) *to = (int8_t)(*to * multiple);
  }
}

#ifdef __cplusplus
}
#endif
#endif
