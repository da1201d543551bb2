// SPDX-License-Identifier: Apache-2.0
// The epilogue HT_OUTPUT_ACTIVATED under FIXED_SINGLE with multiplications of 32 bits (ht_packed_dsp.h says why they are enough): both
// of its multipliers, packed before what a kernel for any epilogue packs.
#ifndef HT_ACTIVATED_H
#define HT_ACTIVATED_H

#include "kernels/c/ht_finish.h"
#include "kernels/cortex_m/ht_dsp.h"

typedef struct ht_activated_layer {
  int32_t lift, second_lift;
} ht_activated_layer;

typedef struct ht_activated_channel {
  int32_t multiplier, rounding;                // sum to fixed point
  int32_t second_multiplier, second_rounding;  // fixed point to output, with the zero point
  int8_t shift, second_shift;
  int8_t minimum, maximum;
} ht_activated_channel;

static inline size_t ht_activated_bytes(int32_t channels) {
  return sizeof(ht_activated_layer) + (size_t)channels * sizeof(ht_activated_channel);
}

// `packed` is what lies behind.
static inline const ht_activated_layer* ht_activated_of(const void* packed, int32_t channels) {
  return (const ht_activated_layer*)((const char*)packed - ht_activated_bytes(channels));
}

static inline int32_t ht_multiply_fixed(int32_t x, int32_t lift, int32_t multiplier, int32_t rounding, int32_t shift) {
  return ht_add_upper_product((int32_t)((uint32_t)x << lift), multiplier, rounding) >> shift;
}

// As ht_finish.
static inline void ht_finish_activated(const ht_activated_layer* layer, const ht_activation* function, int32_t first, int32_t count,
                                       const int32_t* sums, int8_t* output) {
  const ht_activated_channel* c = (const ht_activated_channel*)(layer + 1) + first;
  const int32_t lift = layer->lift, second_lift = layer->second_lift;
  for (int32_t i = 0; i < count; ++i, ++c) {
    const int32_t t = ht_multiply_fixed(sums[i], lift, c->multiplier, c->rounding, c->shift);
    const int32_t y = ht_activate(function, t);
    output[i] = (int8_t)ht_clamp(ht_multiply_fixed(y, second_lift, c->second_multiplier, c->second_rounding, c->second_shift),
                                 c->minimum, c->maximum);
  }
}

#endif
