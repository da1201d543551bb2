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
  int8_t lift;                          // what every sum is shifted to the left
  int8_t zero_point, minimum, maximum;  // of the stored integers
  int8_t bounds;                        // one of those below
  int8_t channel_bytes;                 // of short channels; 0 where channels are as the kernel reads them
  int8_t shift, bias_lift;              // of short channels
} ht_layer_dsp;

// Those of bytes; those in the layer; those of each channel, minima and then maxima behind the layer, filled up to a multiple of four bytes.
enum { HT_BYTE_BOUNDS, HT_LAYER_BOUNDS, HT_OWN_BOUNDS };
enum { HT_WHOLE_BIAS = -128 };  // in bias_lift's place

// Channels whose multipliers have six significant bits lie in a few bytes each, all together filled up to a multiple of four: one with
// (shift - the layer's shift) << 5 | multiplier >> 25 & 31; two of the bias, bias >> (shift + bias_lift), or with HT_WHOLE_BIAS in bias_lift's place
// three, the bias as it is; where zero points differ the zero point.
//
// The kernel makes of them what it reads in its scratch memory, once a call, or for every tile where there are more than 256 of a group.

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

// The same where channels have zero points of their own, or biases more than 24 bits.
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

// How to read short channels, in numbers that need no branches.
typedef struct ht_short_form {
  int32_t bytes, shift;
  int32_t left, right;  // of a word's shifts that leave the bias
  int32_t lift, slope;  // the bias is shifted by lift + slope * shift
  uint32_t leading;     // the multiplier's first bit
} ht_short_form;

static inline ht_short_form ht_short_form_of(const ht_layer_dsp* layer) {
  const bool whole = layer->bias_lift == HT_WHOLE_BIAS;
  const ht_short_form form = {layer->channel_bytes, layer->shift, whole ? 0 : 8, whole ? 8 : 16, whole ? 0 : layer->bias_lift, whole ? 0 : 1, 1u << 30};
  return form;
}

typedef struct ht_short_channel {
  int32_t multiplier, shift, bias;
} ht_short_channel;

static inline ht_short_channel ht_short_channel_at(ht_short_form form, const int8_t* at) {
  const uint32_t word = ht_load_word(at);
  const int32_t shift = form.shift + (int32_t)(word >> 5 & 7);
  const int32_t units = (int32_t)(word << form.left) >> form.right;
  const ht_short_channel channel = {(int32_t)(form.leading + ((word & 31) << 25)), shift, (int32_t)((uint32_t)units << (form.lift + form.slope * shift))};
  return channel;
}

// How many bytes `channels` channels take, of which each has `bytes` where they are not short.
static inline size_t ht_stored_channels(const ht_layer_dsp* layer, size_t channels, size_t bytes) {
  const size_t each = (uint8_t)layer->channel_bytes;
  return each == 0 ? channels * bytes : (channels * each + 3) / 4 * 4;
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
