// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cortex_m/ht_activated.h"
#include "kernels/cortex_m/pack.h"

namespace ht::cortex_m {
namespace {

constexpr size_t kLanes = HT_BLOCK_CHANNELS, kVector = HT_VECTOR_BYTES;

size_t groups_of(const ht_conv_params& p) { return static_cast<size_t>(p.groups); }
size_t group_outputs(const ht_conv_params& p) { return static_cast<size_t>(p.output_channels / p.groups); }
size_t group_blocks(const ht_conv_params& p) { return (group_outputs(p) + kLanes - 1) / kLanes; }
size_t depth_of(const ht_conv_params& p) {
  return static_cast<size_t>(p.kernel_height) * static_cast<size_t>(p.kernel_width) * static_cast<size_t>(p.input_channels / p.groups);
}

// The weights of `lanes` channels, sixteen of each in turns; zeros for constant ones.
int8_t* interleave(const ht_conv_params& p, const FixedLayer& layer, size_t first, size_t lanes, int8_t* to) {
  const size_t depth = depth_of(p);
  for (size_t k = 0; k < depth; k += kVector)
    for (size_t o = first; o < first + lanes; ++o) {
      const size_t count = std::min(kVector, depth - k);
      to = layer.channels[o].is_constant ? std::fill_n(to, count, int8_t{0}) : std::copy_n(p.weights + o * depth + k, count, to);
    }
  return to;
}

template <class Block>
void set_lane(const FixedChannel& channel, size_t lane, Block& block) {
  block.bias[lane] = channel.bias;
  block.multiplier[lane] = channel.multiplier;
  block.shift[lane] = static_cast<int8_t>(-channel.shift);
  if constexpr (requires { block.zero_point; }) {
    block.zero_point[lane] = channel.zero_point;
    block.minimum[lane] = channel.minimum;
    block.maximum[lane] = channel.maximum;
  }
}
void set_lane(const FixedChannel& channel, size_t lane, ht_sum_block_mve& block) { block.bias[lane] = channel.bias; }

template <class Block>
void pack(const ht_conv_params& p, const FixedLayer& layer, void* packed) {
  auto* header = static_cast<ht_layer_mve*>(packed);
  *header = layer_mve(layer);
  auto* block = reinterpret_cast<Block*>(header + 1);
  const size_t outputs = group_outputs(p);
  for (size_t group = 0; group < groups_of(p); ++group)
    for (size_t o = 0; o < outputs; o += kLanes, ++block)
      for (size_t lane = 0; lane < kLanes; ++lane)
        set_lane(o + lane < outputs ? layer.channels[group * outputs + o + lane] : FixedChannel{}, lane, *block);
  auto* weights = reinterpret_cast<int8_t*>(block);
  for (size_t group = 0; group < groups_of(p); ++group)
    for (size_t o = 0; o < outputs;) {
      const size_t lanes = outputs - o < kLanes ? 1 : kLanes;
      weights = interleave(p, layer, group * outputs + o, lanes, weights);
      o += lanes;
    }
  std::fill_n(weights, kVector, int8_t{0});
}

template <class Block>
size_t packed_bytes(const ht_conv_params& p) {
  return sizeof(ht_layer_mve) + groups_of(p) * (group_blocks(p) * sizeof(Block) + group_outputs(p) * depth_of(p)) + kVector;
}

}  // namespace

bool conv_accepts_mve(const ht_conv_params& p) {
  const FixedLayer layer = fixed_layer(p.epilogue, sum_ranges(p));
  return layer.exact && !layer.own_zero_points && !layer.own_bounds;
}
bool conv_accepts_mve_own(const ht_conv_params& p) { return fixed_layer(p.epilogue, sum_ranges(p)).exact; }
size_t conv_packed_mve(const ht_conv_params* p) { return packed_bytes<ht_block_mve>(*p); }
size_t conv_packed_mve_own(const ht_conv_params* p) { return packed_bytes<ht_own_block_mve>(*p); }
size_t conv_packed_mve_any(const ht_conv_params* p) { return packed_bytes<ht_sum_block_mve>(*p); }
void conv_pack_mve(const ht_conv_params* p, void* packed) { pack<ht_block_mve>(*p, fixed_layer(p->epilogue, sum_ranges(*p)), packed); }
void conv_pack_mve_own(const ht_conv_params* p, void* packed) { pack<ht_own_block_mve>(*p, fixed_layer(p->epilogue, sum_ranges(*p)), packed); }
void conv_pack_mve_any(const ht_conv_params* p, void* packed) { pack<ht_sum_block_mve>(*p, sums_layer(sum_ranges(*p)), packed); }

bool conv_accepts_mve_activated(const ht_conv_params& p) { return fits_activated(p.epilogue, sum_ranges(p)); }
size_t conv_packed_mve_activated(const ht_conv_params* p) { return ht_activated_bytes(p->output_channels) + conv_packed_mve_any(p); }
void conv_pack_mve_activated(const ht_conv_params* p, void* packed) {
  conv_pack_mve_any(p, pack_activated(p->epilogue, sum_ranges(*p), packed));
}

}  // namespace ht::cortex_m
