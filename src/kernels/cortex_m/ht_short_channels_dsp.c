// SPDX-License-Identifier: Apache-2.0
#include "kernels/cortex_m/ht_short_channels_dsp.h"

// The word with the bits from this one on, counted from the first channel's first one.
static inline uint32_t bits_from(const int8_t* from, int32_t bit) { return ht_load_word(from + (bit >> 3)) >> (bit & 7); }

void HT_FN(ht_short_channels_dsp)(const ht_layer_dsp* layer, const int8_t* stored, int32_t first, int32_t count,
                                  ht_short_channel* to) {
  const int32_t significand = layer->significand_bits, before = significand + layer->shift_bits,
                behind = before + layer->bias_bits;
  const int32_t slope = layer->relative_bias, lift = layer->bias_lift, least = layer->shift;
  const uint32_t shifts = (1u << layer->shift_bits) - 1, leading = 1u << significand;
  const bool own = layer->own_zero_points;
  const int32_t bits = ht_short_bits(layer);
  int32_t bit = first * bits;
  for (const ht_short_channel* end = to + count; to != end; ++to, bit += bits) {
    const uint32_t word = bits_from(stored, bit);
    const int32_t shift = least + (int32_t)(word >> significand & shifts),
                  units = (int32_t)(word << (32 - behind)) >> (32 - layer->bias_bits);
    to->multiplier = (int32_t)(((word & (leading - 1)) | leading) << (30 - significand));
    to->shift = shift;
    to->bias = (int32_t)((uint32_t)units << (lift + slope * shift));
    to->zero_point = own ? (int8_t)(uint8_t)bits_from(stored, bit + behind) : layer->zero_point;
  }
}
