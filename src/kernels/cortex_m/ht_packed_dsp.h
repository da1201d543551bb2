// SPDX-License-Identifier: Apache-2.0
// What the packed parameters of the kernels with DSP instructions begin with.
#ifndef HT_PACKED_DSP_H
#define HT_PACKED_DSP_H

#include "kernels/cortex_m/ht_dsp.h"

// FIXED_SINGLE's ((int64) x * M + 2^(right - 1)) >> right, plus the zero point, in 32 bits. Where right > 32 the lower half of the
// product cannot matter:
//
//   (upper(x * M) + 2^(right - 33) + (zero_point << (right - 32))) >> (right - 32)
//
// and where it is not, x is shifted to the left before and `right` grows by as much, which is exact as long as x is small enough
// for that. Packing makes sure of it.
typedef struct ht_channel_dsp {
  int32_t bias;
  int32_t multiplier;
  int32_t rounding;  // with the zero point
  int8_t shift;      // right - 32, at least 1
  int8_t minimum, maximum;
  int8_t unused;
} ht_channel_dsp;

typedef struct ht_layer_dsp {
  int32_t lift;    // what every sum is shifted to the left
  int32_t clamps;  // whether a channel's bounds are not [-128, 127]
} ht_layer_dsp;

static inline const ht_layer_dsp* ht_layer_of(const void* packed) { return (const ht_layer_dsp*)packed; }
static inline const ht_channel_dsp* ht_channels_of(const void* packed) { return (const ht_channel_dsp*)(ht_layer_of(packed) + 1); }

static inline int32_t ht_requantize_dsp(int32_t sum, int32_t lift, const ht_channel_dsp* channel) {
  const int32_t lifted = (int32_t)((uint32_t)sum << lift);
  return ht_saturate_byte(ht_add_upper_product(lifted, channel->multiplier, channel->rounding) >> channel->shift);
}

// `count` values of adjacent channels, already within 8 bits.
static inline void ht_clamp_dsp(const ht_channel_dsp* channels, int32_t count, int8_t* values) {
  for (int32_t i = 0; i < count; ++i) {
    int32_t value = values[i];
    value = value < channels[i].minimum ? channels[i].minimum : value;
    values[i] = (int8_t)(value > channels[i].maximum ? channels[i].maximum : value);
  }
}

#endif
