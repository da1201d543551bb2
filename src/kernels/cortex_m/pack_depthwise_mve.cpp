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

template <class Eight>
void set_lane(const FixedChannel& channel, size_t lane, Eight& eight) {
  const size_t odd = lane % 2, at = lane / 2;
  eight.bias[odd][at] = channel.bias;
  eight.multiplier[odd][at] = channel.multiplier;
  eight.shift[odd][at] = static_cast<int8_t>(-channel.shift);
  if constexpr (requires { eight.zero_point; }) {
    eight.zero_point[lane] = channel.zero_point;
    eight.minimum[lane] = channel.minimum;
    eight.maximum[lane] = channel.maximum;
  }
}
void set_lane(const FixedChannel& channel, size_t lane, ht_sum_eight_mve& eight) { eight.bias[lane % 2][lane / 2] = channel.bias; }

template <class Eight>
void pack(const ht_depthwise_params& p, const FixedLayer& layer, void* packed) {
  auto* header = static_cast<ht_layer_mve*>(packed);
  *header = layer_mve(layer);
  auto* eight = reinterpret_cast<Eight*>(header + 1);
  for (size_t i = 0; i < eights_of(p); ++i, ++eight)
    for (size_t lane = 0; lane < kLanes; ++lane) set_lane(layer.channels[first_channel(p, i) + lane], lane, *eight);
  auto* weight = reinterpret_cast<int8_t*>(eight);
  for (size_t i = 0; i < eights_of(p); ++i)
    for (size_t tap = 0; tap < taps_of(p); ++tap)
      for (size_t c = first_channel(p, i); c < first_channel(p, i) + kLanes; ++c)
        *weight++ = layer.channels[c].is_constant ? int8_t{0} : p.weights[tap * channels_of(p) + c];
}

template <class Eight>
size_t packed_bytes(const ht_depthwise_params& p) {
  return sizeof(ht_layer_mve) + eights_of(p) * (sizeof(Eight) + kLanes * taps_of(p));
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
  const FixedLayer layer = fixed_layer(p.epilogue, sum_ranges(p));
  return depthwise_accepts_mve_any(p) && layer.exact && !layer.own_zero_points && !layer.own_bounds;
}
bool depthwise_accepts_mve_own(const ht_depthwise_params& p) {
  return depthwise_accepts_mve_any(p) && fixed_layer(p.epilogue, sum_ranges(p)).exact;
}

size_t depthwise_packed_mve(const ht_depthwise_params* p) { return packed_bytes<ht_eight_mve>(*p); }
size_t depthwise_packed_mve_own(const ht_depthwise_params* p) { return packed_bytes<ht_own_eight_mve>(*p); }
size_t depthwise_packed_mve_any(const ht_depthwise_params* p) { return packed_bytes<ht_sum_eight_mve>(*p); }
void depthwise_pack_mve(const ht_depthwise_params* p, void* packed) { pack<ht_eight_mve>(*p, fixed_layer(p->epilogue, sum_ranges(*p)), packed); }
void depthwise_pack_mve_own(const ht_depthwise_params* p, void* packed) {
  pack<ht_own_eight_mve>(*p, fixed_layer(p->epilogue, sum_ranges(*p)), packed);
}
void depthwise_pack_mve_any(const ht_depthwise_params* p, void* packed) { pack<ht_sum_eight_mve>(*p, sums_layer(sum_ranges(*p)), packed); }

bool depthwise_accepts_mve_activated(const ht_depthwise_params& p) {
  return depthwise_accepts_mve_any(p) && fits_activated(p.epilogue, sum_ranges(p));
}
size_t depthwise_packed_mve_activated(const ht_depthwise_params* p) {
  return ht_activated_bytes(p->input_channels * p->channel_multiplier) + depthwise_packed_mve_any(p);
}
void depthwise_pack_mve_activated(const ht_depthwise_params* p, void* packed) {
  depthwise_pack_mve_any(p, pack_activated(p->epilogue, sum_ranges(*p), packed));
}

}  // namespace ht::cortex_m
