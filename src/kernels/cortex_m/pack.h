// SPDX-License-Identifier: Apache-2.0
// Packs weights on the host for the kernels beside this; not part of a bundle. The formats stand in ht_conv_dsp.h and its like.
#pragma once

#include <vector>

#include "kernels/c/ht_conv.h"
#include "kernels/c/ht_depthwise.h"
#include "kernels/cortex_m/ht_packed_dsp.h"
#include "kernels/cortex_m/ht_packed_mve.h"

namespace ht::cortex_m {

// FIXED_SINGLE as 32-bit instructions compute it (ht_packed_dsp.h), a channel.
struct Fixed {
  int32_t multiplier;
  int32_t shift;     // at least 1
  int32_t rounding;  // 2^(shift - 1) + (zero_point << shift)
};

struct FixedLayer {
  bool exact = false;  // false: the layer's epilogue is another one or needs more bits
  int32_t lift = 0;    // what every sum is shifted to the left before
  bool clamps = false;
  std::vector<Fixed> channels;
};

// `largest` bounds the sums of each channel by their magnitude. Exact only where the epilogue is S8 under FIXED_SINGLE.
FixedLayer fixed_layer(const ht_epilogue& epilogue, const std::vector<int64_t>& largest);

// Whether an epilogue is one that ht_activated.h computes.
bool fits_activated(const ht_epilogue& epilogue, const std::vector<int64_t>& largest);
// Returns where the rest goes.
void* pack_activated(const ht_epilogue& epilogue, const std::vector<int64_t>& largest, void* packed);

// The forms of ht_packed_dsp.h and ht_packed_mve.h; a channel from `count` on is one that is not there, and without an exact layer only its bias counts.
ht_layer_dsp packed_layer(const FixedLayer& layer);
ht_channel_dsp packed_channel(const int32_t* bias, const ht_epilogue& epilogue, const FixedLayer& layer, size_t channel, size_t count);
ht_block_mve packed_block(const int32_t* bias, const ht_epilogue& epilogue, const FixedLayer& layer, size_t first, size_t count);

// |bias| + 128 * sum |w| of each output channel.
std::vector<int64_t> largest_sums(const ht_conv_params& p);
std::vector<int64_t> largest_sums(const ht_depthwise_params& p);

bool conv_accepts_dsp(const ht_conv_params& p);
bool conv_accepts_dsp_deep(const ht_conv_params& p);
size_t conv_packed_dsp(const ht_conv_params* p);  // the same for all but the last
void conv_pack_dsp(const ht_conv_params* p, void* packed);
void conv_pack_dsp_deep(const ht_conv_params* p, void* packed);
void conv_pack_dsp_any(const ht_conv_params* p, void* packed);
bool conv_accepts_dsp_activated(const ht_conv_params& p);
size_t conv_packed_dsp_activated(const ht_conv_params* p);
void conv_pack_dsp_activated(const ht_conv_params* p, void* packed);

bool conv_accepts_mve(const ht_conv_params& p);
size_t conv_packed_mve(const ht_conv_params* p);  // the same for all but the last
void conv_pack_mve(const ht_conv_params* p, void* packed);
void conv_pack_mve_any(const ht_conv_params* p, void* packed);
bool conv_accepts_mve_activated(const ht_conv_params& p);
size_t conv_packed_mve_activated(const ht_conv_params* p);
void conv_pack_mve_activated(const ht_conv_params* p, void* packed);

bool depthwise_accepts_dsp(const ht_depthwise_params& p);
size_t depthwise_packed_dsp(const ht_depthwise_params* p);  // the same for all but the last
void depthwise_pack_dsp(const ht_depthwise_params* p, void* packed);
void depthwise_pack_dsp_any(const ht_depthwise_params* p, void* packed);
bool depthwise_accepts_dsp_activated(const ht_depthwise_params& p);
size_t depthwise_packed_dsp_activated(const ht_depthwise_params* p);
void depthwise_pack_dsp_activated(const ht_depthwise_params* p, void* packed);

bool depthwise_accepts_mve(const ht_depthwise_params& p);
bool depthwise_accepts_mve_any(const ht_depthwise_params& p);
size_t depthwise_packed_mve(const ht_depthwise_params* p);  // the same for all but the last
void depthwise_pack_mve(const ht_depthwise_params* p, void* packed);
void depthwise_pack_mve_any(const ht_depthwise_params* p, void* packed);
bool depthwise_accepts_mve_activated(const ht_depthwise_params& p);
size_t depthwise_packed_mve_activated(const ht_depthwise_params* p);
void depthwise_pack_mve_activated(const ht_depthwise_params* p, void* packed);

}  // namespace ht::cortex_m
