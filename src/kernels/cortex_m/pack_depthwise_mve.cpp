// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cortex_m/ht_activated.h"
#include "kernels/cortex_m/pack.h"

namespace ht::cortex_m {
namespace {

constexpr size_t kLanes = 8;

size_t channels_of(const ht_depthwise_params& p) { return static_cast<size_t>(p.input_channels); }
size_t eights_of(const ht_depthwise_params& p) { return (channels_of(p) + kLanes - 1) / kLanes; }
size_t taps_of(const ht_depthwise_params& p) { return static_cast<size_t>(p.kernel_height) * static_cast<size_t>(p.kernel_width); }
size_t first_channel(const ht_depthwise_params& p, size_t eight) { return std::min(eight * kLanes, channels_of(p) - kLanes); }

ht_eight_mve packed_eight(const ht_depthwise_params& p, const FixedLayer& layer, size_t first) {
  ht_eight_mve eight{};
  for (size_t lane = 0; lane < kLanes; ++lane) {
    const ht_channel_dsp channel = packed_channel(p.bias, p.epilogue, layer, first + lane, channels_of(p));
    const size_t odd = lane % 2, at = lane / 2;
    eight.bias[odd][at] = channel.bias;
    eight.multiplier[odd][at] = channel.multiplier;
    eight.shift[odd][at] = -channel.shift;
    eight.zero_point[lane] = layer.exact ? p.epilogue.zero_point[first + lane] : int8_t{0};
    eight.minimum[lane] = channel.minimum;
    eight.maximum[lane] = channel.maximum;
  }
  return eight;
}

void pack(const ht_depthwise_params& p, const FixedLayer& layer, void* packed) {
  auto* header = static_cast<ht_layer_mve*>(packed);
  *header = {layer.lift, 0};
  auto* eight = reinterpret_cast<ht_eight_mve*>(header + 1);
  for (size_t i = 0; i < eights_of(p); ++i) *eight++ = packed_eight(p, layer, first_channel(p, i));
  auto* weights = reinterpret_cast<int8_t*>(eight);
  for (size_t i = 0; i < eights_of(p); ++i)
    for (size_t tap = 0; tap < taps_of(p); ++tap)
      weights = std::copy_n(p.weights + tap * channels_of(p) + first_channel(p, i), kLanes, weights);
}

}  // namespace

bool depthwise_accepts_mve_any(const ht_depthwise_params& p) {
  if (p.channel_multiplier != 1 || channels_of(p) < kLanes) return false;
  for (size_t tap = 0; tap + 1 < taps_of(p); tap += 2)
    for (size_t c = 0; c < channels_of(p); ++c)
      if (p.weights[tap * channels_of(p) + c] == INT8_MIN && p.weights[(tap + 1) * channels_of(p) + c] == INT8_MIN) return false;
  return true;
}
bool depthwise_accepts_mve(const ht_depthwise_params& p) {
  return depthwise_accepts_mve_any(p) && fixed_layer(p.epilogue, largest_sums(p)).exact;
}

size_t depthwise_packed_mve(const ht_depthwise_params* p) {
  return sizeof(ht_layer_mve) + eights_of(*p) * (sizeof(ht_eight_mve) + kLanes * taps_of(*p));
}
void depthwise_pack_mve(const ht_depthwise_params* p, void* packed) { pack(*p, fixed_layer(p->epilogue, largest_sums(*p)), packed); }
void depthwise_pack_mve_any(const ht_depthwise_params* p, void* packed) { pack(*p, {}, packed); }

bool depthwise_accepts_mve_activated(const ht_depthwise_params& p) { return depthwise_accepts_mve_any(p) && fits_activated(p.epilogue, largest_sums(p)); }
size_t depthwise_packed_mve_activated(const ht_depthwise_params* p) { return ht_activated_bytes(p->input_channels * p->channel_multiplier) + depthwise_packed_mve(p); }
void depthwise_pack_mve_activated(const ht_depthwise_params* p, void* packed) {
  depthwise_pack_mve_any(p, pack_activated(p->epilogue, largest_sums(*p), packed));
}

}  // namespace ht::cortex_m
