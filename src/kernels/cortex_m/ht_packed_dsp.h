// SPDX-License-Identifier: Apache-2.0
// What the packed parameters of the kernels with DSP instructions begin with.
#ifndef HT_PACKED_DSP_H
#define HT_PACKED_DSP_H

#include "kernels/cortex_m/ht_dsp.h"

// FIXED_SINGLE's ((int64) x * M + 2^(right - 1)) >> right, plus the zero point, in 32 bits. Where right > 32 the lower half of the
// product cannot matter; with shift = right - 33 it is
//
//   (upper(x * M) + ((2 * zero_point + 1) << shift)) >> shift >> 1
//
// and where it is not, x is shifted to the left before and `right` grows by as much, which is exact as long as x is small enough
// for that. Packing makes sure of it.
//
typedef struct ht_layer_dsp {
  int8_t zero_point, minimum, maximum;  // of the stored integers
  uint8_t lift : 5;                     // what every sum is shifted to the left
  uint8_t bounds : 2;                   // one of those below
  uint8_t own_zero_points : 1;          // of short channels
  // Of short channels, below; no bits of a bias where channels are as the kernel reads them.
  uint8_t bias_bits : 5, significand_bits : 3;
  uint8_t shift : 5, shift_bits : 2, relative_bias : 1;
  int8_t bias_lift : 7;
  uint8_t own_padding : 1;  // of depthwise convolutions: whether inputs outside are different ones in each channel, which
                            // p->padding has
  int8_t padding;           // else all of them
} ht_layer_dsp;

// Those of bytes; those in the layer; those of each channel, minima and then maxima behind the layer, filled up to a multiple of four bytes.
enum { HT_BYTE_BOUNDS, HT_LAYER_BOUNDS, HT_OWN_BOUNDS };

// Channels whose multipliers have at most six significant bits lie in a few bits each, from the lowest bit of a byte on, all
// together filled up to a multiple of four bytes: of the multiplier what follows its first bit; shift - the layer's shift; the
// bias in units of 2^bias_lift or, where it is relative, 2^(bias_lift + shift); where zero points differ eight bits of the zero
// point. All but the zero point come with one word that is loaded from the channel's first byte: they have at most 25 bits, or 32
// where every channel begins with a byte.
enum { HT_MOST_SURE_BITS = 25 };

// The kernel makes of them what it reads in its scratch memory, once a call, or for every tile where there are more than
// HT_MOST_EXPANDED of a group.

// A channel of ht_conv_dsp's; of a pair (c, d)
//
//   c.start = bias of c << 8 | shift, d.start = (bias of c + 256 * bias of d + rest) with the shift as its lowest byte
//
// where 0 <= rest < 256 goes away with the sum of c when d's is separated.
typedef struct ht_pair_channel_dsp {
  int32_t multiplier, start;
} ht_pair_channel_dsp;

// Of ht_conv_dsp_deep's, with the zero point.
typedef struct ht_deep_channel_dsp {
  int32_t multiplier;
  int32_t rounding;  // (2 * zero_point + 1) << 8 | shift
  int32_t bias;
} ht_deep_channel_dsp;

// Of kernels whose epilogue needs sums.
typedef struct ht_sum_channel_dsp {
  int32_t bias;
} ht_sum_channel_dsp;

// Four channels of a depthwise convolution in the order 0, 2, 1, 3, in which its sums come.
typedef struct ht_quad_dsp {
  int32_t bias[4];
  int32_t multiplier[4];
  int8_t shift[4];
} ht_quad_dsp;

// The same where channels have zero points of their own.
typedef struct ht_own_quad_dsp {
  int32_t bias[4];
  int32_t multiplier[4];
  int32_t rounding[4];  // (2 * zero_point + 1) << shift
  int8_t shift[4];
} ht_own_quad_dsp;

// The same where the epilogue needs sums.
typedef struct ht_sum_quad_dsp {
  int32_t bias[4];
} ht_sum_quad_dsp;

// Where in a quad channel i of four is.
static inline int32_t ht_quad_place(int32_t i) { return (i & 1) * 2 + i / 2; }

static inline const ht_layer_dsp* ht_layer_of(const void* packed) { return (const ht_layer_dsp*)packed; }

static inline int32_t ht_short_bits(const ht_layer_dsp* layer) {
  return layer->significand_bits + layer->shift_bits + layer->bias_bits + 8 * layer->own_zero_points;
}

// How many bytes `channels` channels take, of which each has `bytes` where they are not short.
static inline size_t ht_stored_channels(const ht_layer_dsp* layer, size_t channels, size_t bytes) {
  return layer->bias_bits == 0 ? channels * bytes : (channels * (size_t)ht_short_bits(layer) + 31) / 32 * 4;
}

// Where what a kernel packs of `channels` output channels begins.
static inline const void* ht_channels_of(const ht_layer_dsp* layer, int32_t channels) {
  return (const char*)(layer + 1) + (layer->bounds == HT_OWN_BOUNDS ? (2 * (ptrdiff_t)channels + 3) / 4 * 4 : 0);
}

// Of `shift` the lowest byte counts, as it does for the processor.
static inline int32_t ht_rounding_dsp(int32_t zero_point, int32_t shift) {
  return (int32_t)((uint32_t)(2 * zero_point + 1) << (shift & 255));
}
static inline int32_t ht_requantize_dsp(int32_t sum, int32_t lift, int32_t multiplier, int32_t rounding, int32_t shift) {
  const int32_t lifted = (int32_t)((uint32_t)sum << lift);
  return ht_saturate_byte(ht_add_upper_product(lifted, multiplier, rounding) >> (shift & 255) >> 1);
}

#endif
