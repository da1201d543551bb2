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

// The weights of `lanes` channels, sixteen of each in turns.
int8_t* interleave(const int8_t* weights, size_t lanes, size_t depth, int8_t* to) {
  for (size_t k = 0; k < depth; k += kVector)
    for (size_t lane = 0; lane < lanes; ++lane) to = std::copy_n(weights + lane * depth + k, std::min(kVector, depth - k), to);
  return to;
}

void pack(const ht_conv_params& p, const FixedLayer& layer, void* packed) {
  auto* header = static_cast<ht_layer_mve*>(packed);
  *header = {layer.lift, 0};
  auto* block = reinterpret_cast<ht_block_mve*>(header + 1);
  const size_t outputs = group_outputs(p), depth = depth_of(p);
  for (size_t group = 0; group < groups_of(p); ++group)
    for (size_t o = 0; o < outputs; o += kLanes) *block++ = packed_block(p.bias, p.epilogue, layer, group * outputs + o, (group + 1) * outputs);
  auto* weights = reinterpret_cast<int8_t*>(block);
  for (size_t group = 0; group < groups_of(p); ++group)
    for (size_t o = 0; o < outputs;) {
      const size_t lanes = outputs - o < kLanes ? 1 : kLanes;
      weights = interleave(p.weights + (group * outputs + o) * depth, lanes, depth, weights);
      o += lanes;
    }
  std::fill_n(weights, kVector, int8_t{0});
}

}  // namespace

bool conv_accepts_mve(const ht_conv_params& p) { return fixed_layer(p.epilogue, largest_sums(p)).exact; }
size_t conv_packed_mve(const ht_conv_params* p) {
  return sizeof(ht_layer_mve) + groups_of(*p) * (group_blocks(*p) * sizeof(ht_block_mve) + group_outputs(*p) * depth_of(*p)) + kVector;
}
void conv_pack_mve(const ht_conv_params* p, void* packed) { pack(*p, fixed_layer(p->epilogue, largest_sums(*p)), packed); }
void conv_pack_mve_any(const ht_conv_params* p, void* packed) { pack(*p, {}, packed); }

bool conv_accepts_mve_activated(const ht_conv_params& p) { return fits_activated(p.epilogue, largest_sums(p)); }
size_t conv_packed_mve_activated(const ht_conv_params* p) { return ht_activated_bytes(p->output_channels) + conv_packed_mve(p); }
void conv_pack_mve_activated(const ht_conv_params* p, void* packed) {
  conv_pack_mve_any(p, pack_activated(p->epilogue, largest_sums(*p), packed));
}

}  // namespace ht::cortex_m
