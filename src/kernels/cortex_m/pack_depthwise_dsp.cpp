// SPDX-License-Identifier: Apache-2.0
#include "kernels/cortex_m/ht_packed_dsp.h"
#include "kernels/cortex_m/ht_activated.h"
#include "kernels/cortex_m/pack.h"

namespace ht::cortex_m {
namespace {

size_t outputs_of(const ht_depthwise_params& p) { return static_cast<size_t>(p.input_channels * p.channel_multiplier); }
size_t quads_of(const ht_depthwise_params& p) { return (outputs_of(p) + 3) / 4; }
size_t taps_of(const ht_depthwise_params& p) { return static_cast<size_t>(p.kernel_height * p.kernel_width); }

void pack(const ht_depthwise_params& p, const FixedLayer& layer, void* packed) {
  auto* header = static_cast<ht_layer_dsp*>(packed);
  *header = packed_layer(layer);
  auto* channel = reinterpret_cast<ht_channel_dsp*>(header + 1);
  const size_t outputs = outputs_of(p);
  for (size_t o = 0; o < 4 * quads_of(p); ++o) *channel++ = packed_channel(p.bias, p.epilogue, layer, o, outputs);
  auto* weight = reinterpret_cast<int8_t*>(channel);
  const auto height = static_cast<size_t>(p.kernel_height), width = static_cast<size_t>(p.kernel_width);
  for (size_t quad = 0; quad < quads_of(p); ++quad)
    for (size_t x = 0; x < width; ++x)
      for (size_t y = 0; y < height; ++y)
        for (size_t o = 4 * quad; o < 4 * quad + 4; ++o) *weight++ = o < outputs ? p.weights[(y * width + x) * outputs + o] : int8_t{0};
}

}  // namespace

bool depthwise_accepts_dsp(const ht_depthwise_params& p) { return fixed_layer(p.epilogue, largest_sums(p)).exact; }
size_t depthwise_packed_dsp(const ht_depthwise_params* p) {
  return sizeof(ht_layer_dsp) + quads_of(*p) * 4 * (sizeof(ht_channel_dsp) + taps_of(*p));
}
void depthwise_pack_dsp(const ht_depthwise_params* p, void* packed) { pack(*p, fixed_layer(p->epilogue, largest_sums(*p)), packed); }
void depthwise_pack_dsp_any(const ht_depthwise_params* p, void* packed) { pack(*p, {}, packed); }

bool depthwise_accepts_dsp_activated(const ht_depthwise_params& p) { return fits_activated(p.epilogue, largest_sums(p)); }
size_t depthwise_packed_dsp_activated(const ht_depthwise_params* p) { return ht_activated_bytes(p->input_channels * p->channel_multiplier) + depthwise_packed_dsp(p); }
void depthwise_pack_dsp_activated(const ht_depthwise_params* p, void* packed) {
  depthwise_pack_dsp_any(p, pack_activated(p->epilogue, largest_sums(*p), packed));
}

}  // namespace ht::cortex_m
