// SPDX-License-Identifier: Apache-2.0
// Packs weights on the host for the kernels beside this; not part of a bundle. The formats stand in ht_conv_dsp.h and its like.
#pragma once

#include <vector>

#include "kernels/c/ht_conv.h"
#include "kernels/c/ht_depthwise.h"
#include "kernels/cortex_m/ht_packed_dsp.h"
#include "kernels/cortex_m/ht_packed_mve.h"

namespace ht::cortex_m {

// The sums of a channel: bias, and how far products can lead away from it.
struct SumRange {
  int64_t bias = 0, spread = 0;
  int64_t largest() const { return (bias < 0 ? -bias : bias) + spread; }
};
std::vector<SumRange> sum_ranges(const ht_conv_params& p);
std::vector<SumRange> sum_ranges(const ht_depthwise_params& p);

// FIXED_SINGLE as 32-bit instructions compute it (ht_packed_dsp.h), a channel.
struct FixedChannel {
  int32_t bias = 0;
  int32_t multiplier = 0;
  int32_t shift = 1;         // at least 1
  bool is_constant = false;  // the channel gives one integer whatever the input is, and so without its weights
  int8_t zero_point = 0, minimum = INT8_MIN, maximum = INT8_MAX;
};

struct FixedLayer {
  bool exact = false;  // false: the layer's epilogue is another one or needs more bits
  int32_t lift = 0;    // what every sum is shifted to the left before
  bool own_zero_points = false, own_bounds = false;  // whether channels differ in them
  std::vector<FixedChannel> channels;                // of biases alone where not exact
};

// Exact only where the epilogue is S8 under FIXED_SINGLE.
FixedLayer fixed_layer(const ht_epilogue& epilogue, const std::vector<SumRange>& sums);
// With the biases as they are, for kernels whose epilogue needs sums.
FixedLayer sums_layer(const std::vector<SumRange>& sums);

bool differ(const int8_t* values, size_t count);

// Whether a bias has 24 bits; such a one with the shift as its lowest byte, as ht_packed_dsp.h has it.
bool has_short_bias(const FixedChannel& channel);
int32_t bias_and_shift(const FixedChannel& channel);

// Whether an epilogue is one that ht_activated.h computes.
bool fits_activated(const ht_epilogue& epilogue, const std::vector<SumRange>& sums);
// Returns where the rest goes.
void* pack_activated(const ht_epilogue& epilogue, const std::vector<SumRange>& sums, void* packed);

// Of a layer whose channels fit into ht_packed_dsp.h's short ones, the numbers of its header.
struct ShortChannels {
  int32_t bias_bits = 0;  // 0 where they do not fit
  int32_t significand_bits = 0, shift_bits = 0, shift = 0, bias_lift = 0;
  bool relative_bias = false, own_zero_points = false;
  int32_t bits() const { return significand_bits + shift_bits + bias_bits + (own_zero_points ? 8 : 0); }
};
ShortChannels short_channels(const FixedLayer& layer);
// What a layer with these begins with, as far as they say.
ht_layer_dsp header_dsp(const ShortChannels& form);
// How many bytes so many channels take that have `bytes` each where they are not short.
size_t stored_channels(const FixedLayer& layer, size_t channels, size_t bytes);
// Of channels that begin with `to` and are zeros there, the one at this place.
void write_short(const ShortChannels& form, const FixedChannel& channel, size_t place, uint8_t* to);

// ht_packed_dsp.h's layer with channels' bounds; returns where the rest goes.
size_t layer_dsp_bytes(const FixedLayer& layer);
void* pack_layer_dsp(const FixedLayer& layer, void* packed);
// ht_packed_mve.h's layer.
ht_layer_mve layer_mve(const FixedLayer& layer);

// Scratch memory of kernels that make room for channels where these are short.
size_t conv_scratch_dsp(const ht_conv_params* p);
size_t conv_scratch_dsp_deep(const ht_conv_params* p);
size_t depthwise_scratch_dsp(const ht_depthwise_params* p);
size_t depthwise_scratch_dsp_own(const ht_depthwise_params* p);

bool conv_accepts_dsp(const ht_conv_params& p);
bool conv_accepts_dsp_deep(const ht_conv_params& p);
size_t conv_packed_dsp(const ht_conv_params* p);
size_t conv_packed_dsp_deep(const ht_conv_params* p);
size_t conv_packed_dsp_any(const ht_conv_params* p);
void conv_pack_dsp(const ht_conv_params* p, void* packed);
void conv_pack_dsp_deep(const ht_conv_params* p, void* packed);
void conv_pack_dsp_any(const ht_conv_params* p, void* packed);
bool conv_accepts_dsp_activated(const ht_conv_params& p);
size_t conv_packed_dsp_activated(const ht_conv_params* p);
void conv_pack_dsp_activated(const ht_conv_params* p, void* packed);

bool conv_accepts_mve(const ht_conv_params& p);
bool conv_accepts_mve_own(const ht_conv_params& p);
size_t conv_packed_mve(const ht_conv_params* p);
size_t conv_packed_mve_own(const ht_conv_params* p);
size_t conv_packed_mve_any(const ht_conv_params* p);
void conv_pack_mve(const ht_conv_params* p, void* packed);
void conv_pack_mve_own(const ht_conv_params* p, void* packed);
void conv_pack_mve_any(const ht_conv_params* p, void* packed);
bool conv_accepts_mve_activated(const ht_conv_params& p);
size_t conv_packed_mve_activated(const ht_conv_params* p);
void conv_pack_mve_activated(const ht_conv_params* p, void* packed);

bool depthwise_accepts_dsp(const ht_depthwise_params& p);
bool depthwise_accepts_dsp_own(const ht_depthwise_params& p);
size_t depthwise_packed_dsp(const ht_depthwise_params* p);
size_t depthwise_packed_dsp_own(const ht_depthwise_params* p);
size_t depthwise_packed_dsp_any(const ht_depthwise_params* p);
void depthwise_pack_dsp(const ht_depthwise_params* p, void* packed);
void depthwise_pack_dsp_own(const ht_depthwise_params* p, void* packed);
void depthwise_pack_dsp_any(const ht_depthwise_params* p, void* packed);
bool depthwise_accepts_dsp_activated(const ht_depthwise_params& p);
size_t depthwise_packed_dsp_activated(const ht_depthwise_params* p);
void depthwise_pack_dsp_activated(const ht_depthwise_params* p, void* packed);

bool depthwise_accepts_mve(const ht_depthwise_params& p);
bool depthwise_accepts_mve_own(const ht_depthwise_params& p);
bool depthwise_accepts_mve_any(const ht_depthwise_params& p);
size_t depthwise_packed_mve(const ht_depthwise_params* p);
size_t depthwise_packed_mve_own(const ht_depthwise_params* p);
size_t depthwise_packed_mve_any(const ht_depthwise_params* p);
void depthwise_pack_mve(const ht_depthwise_params* p, void* packed);
void depthwise_pack_mve_own(const ht_depthwise_params* p, void* packed);
void depthwise_pack_mve_any(const ht_depthwise_params* p, void* packed);
bool depthwise_accepts_mve_activated(const ht_depthwise_params& p);
size_t depthwise_packed_mve_activated(const ht_depthwise_params* p);
void depthwise_pack_mve_activated(const ht_depthwise_params* p, void* packed);

}  // namespace ht::cortex_m
