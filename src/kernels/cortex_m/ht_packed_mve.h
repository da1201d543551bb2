// SPDX-License-Identifier: Apache-2.0
// What the packed parameters of the kernels with Helium instructions begin with.
#ifndef HT_PACKED_MVE_H
#define HT_PACKED_MVE_H

#include "kernels/cortex_m/ht_mve.h"

enum { HT_BLOCK_CHANNELS = 4 };

// FIXED_SINGLE's ((int64) x * M + 2^(right - 1)) >> right in 32 bits, of four channels. Where right > 32 the lower half of the product
// cannot matter: what VMULH leaves of it, shifted by right - 32 with rounding (VRSHL), is the same. Where it is not, x is shifted to the
// left before and `right` grows by as much, which is exact as long as x is small enough for that. Packing makes sure of it.
typedef struct ht_block_mve {
  int32_t bias[HT_BLOCK_CHANNELS];
  int32_t multiplier[HT_BLOCK_CHANNELS];
  int32_t shift[HT_BLOCK_CHANNELS];  // 32 - right, below 0
  int8_t zero_point[HT_BLOCK_CHANNELS];
  int8_t minimum[HT_BLOCK_CHANNELS];
  int8_t maximum[HT_BLOCK_CHANNELS];
  int8_t unused[HT_BLOCK_CHANNELS];
} ht_block_mve;

typedef struct ht_layer_mve {
  int32_t lift;  // what every sum is shifted to the left
  int32_t unused;
} ht_layer_mve;

// The same of eight channels: 0, 2, 4 and 6, then 1, 3, 5 and 7, as vectors are widened; bytes in order.
typedef struct ht_eight_mve {
  int32_t bias[2][4];
  int32_t multiplier[2][4];
  int32_t shift[2][4];
  int8_t zero_point[8];
  int8_t minimum[8];
  int8_t maximum[8];
} ht_eight_mve;

static inline const ht_block_mve* ht_blocks_of(const void* packed) { return (const ht_block_mve*)((const ht_layer_mve*)packed + 1); }
static inline const ht_eight_mve* ht_eights_of(const void* packed) { return (const ht_eight_mve*)((const ht_layer_mve*)packed + 1); }

// `shift` is negative.
static inline int8_t ht_requantize_fixed_mve(int32_t sum, int32_t lift, int32_t multiplier, int32_t shift, int32_t zero_point,
                                             int32_t minimum, int32_t maximum) {
  const int32_t lifted = (int32_t)((uint32_t)sum << lift);
  const int32_t upper = (int32_t)(((int64_t)lifted * multiplier) >> 32);
  const int32_t value = ((upper + ((int32_t)1 << (-shift - 1))) >> -shift) + zero_point;
  return (int8_t)(value < minimum ? minimum : (value > maximum ? maximum : value));
}

static inline int8_t ht_requantize_mve(int32_t sum, int32_t lift, const ht_block_mve* block, int32_t lane) {
  return ht_requantize_fixed_mve(sum, lift, block->multiplier[lane], block->shift[lane], block->zero_point[lane], block->minimum[lane],
                                 block->maximum[lane]);
}

#endif
