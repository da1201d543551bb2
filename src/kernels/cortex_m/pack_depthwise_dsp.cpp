// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/cortex_m/ht_activated.h"
#include "kernels/cortex_m/ht_depthwise_dsp.h"
#include "kernels/cortex_m/ht_packed_dsp.h"
#include "kernels/cortex_m/pack.h"

namespace ht::cortex_m {
namespace {

size_t outputs_of(const ht_depthwise_params& p) { return static_cast<size_t>(p.input_channels * p.channel_multiplier); }
size_t quads_of(const ht_depthwise_params& p) { return (outputs_of(p) + 3) / 4; }
size_t taps_of(const ht_depthwise_params& p) { return static_cast<size_t>(p.kernel_height * p.kernel_width); }

void set_channel(const FixedChannel& channel, int32_t i, ht_quad_dsp& quad) {
  const int32_t place = ht_quad_place(i);
  quad.bias[place] = channel.bias;
  quad.multiplier[place] = channel.multiplier;
  quad.shift[place] = static_cast<int8_t>(channel.shift - 1);
}
void set_channel(const FixedChannel& channel, int32_t i, ht_own_quad_dsp& quad) {
  const int32_t place = ht_quad_place(i);
  quad.bias[place] = channel.bias;
  quad.multiplier[place] = channel.multiplier;
  quad.shift[place] = static_cast<int8_t>(channel.shift - 1);
  quad.rounding[place] = ht_rounding_dsp(channel.zero_point, channel.shift - 1);
}
void set_channel(const FixedChannel& channel, int32_t i, ht_sum_quad_dsp& quad) { quad.bias[ht_quad_place(i)] = channel.bias; }

template <class Quad>
void pack(const ht_depthwise_params& p, const FixedLayer& layer, void* packed) {
  const ShortChannels form = short_channels(layer);
  auto* stored = static_cast<uint8_t*>(pack_layer_dsp(layer, packed));
  auto* header = static_cast<ht_layer_dsp*>(packed);
  header->own_padding = differ(p.padding, static_cast<size_t>(p.input_channels));
  header->padding = p.padding[0];
  auto* end = stored + stored_channels(layer, 4 * quads_of(p), sizeof(Quad) / 4);
  const size_t outputs = outputs_of(p);
  if (form.bias_bits != 0) {
    std::fill(stored, end, uint8_t{0});
    for (size_t o = 0; o < outputs; ++o)
      write_short(form, layer.channels[o], o / 4 * 4 + static_cast<size_t>(ht_quad_place(static_cast<int32_t>(o % 4))), stored);
  } else {
    auto* quads = reinterpret_cast<Quad*>(stored);
    for (size_t o = 0; o < 4 * quads_of(p); ++o) set_channel(o < outputs ? layer.channels[o] : FixedChannel{}, static_cast<int32_t>(o % 4), quads[o / 4]);
  }
  auto* weight = reinterpret_cast<int8_t*>(end);
  const auto height = static_cast<size_t>(p.kernel_height), width = static_cast<size_t>(p.kernel_width);
  for (size_t quad = 0; quad < quads_of(p); ++quad)
    for (size_t x = 0; x < width; ++x)
      for (size_t y = 0; y < height; ++y)
        for (size_t o = 4 * quad; o < 4 * quad + 4; ++o)
          *weight++ = o < outputs && !layer.channels[o].is_constant ? p.weights[(y * width + x) * outputs + o] : int8_t{0};
}

template <class Quad>
size_t packed_bytes(const ht_depthwise_params& p, const FixedLayer& layer) {
  return layer_dsp_bytes(layer) + stored_channels(layer, 4 * quads_of(p), sizeof(Quad) / 4) + quads_of(p) * 4 * taps_of(p);
}

// The kernels' functions count the room that short channels need.
template <class Quad>
size_t scratch(const ht_depthwise_params& p, size_t most) {
  const bool has_room = short_channels(fixed_layer(p.epilogue, sum_ranges(p))).bias_bits != 0;
  return has_room ? most : most - quads_of(p) * sizeof(Quad);
}

}  // namespace

size_t depthwise_scratch_dsp(const ht_depthwise_params* p) { return scratch<ht_quad_dsp>(*p, ht_depthwise_dsp_scratch(p)); }
size_t depthwise_scratch_dsp_own(const ht_depthwise_params* p) { return scratch<ht_own_quad_dsp>(*p, ht_depthwise_dsp_own_scratch(p)); }

bool depthwise_accepts_dsp(const ht_depthwise_params& p) {
  const FixedLayer layer = fixed_layer(p.epilogue, sum_ranges(p));
  return layer.exact && !layer.own_zero_points;
}
bool depthwise_accepts_dsp_own(const ht_depthwise_params& p) { return fixed_layer(p.epilogue, sum_ranges(p)).exact; }
size_t depthwise_packed_dsp(const ht_depthwise_params* p) { return packed_bytes<ht_quad_dsp>(*p, fixed_layer(p->epilogue, sum_ranges(*p))); }
size_t depthwise_packed_dsp_own(const ht_depthwise_params* p) {
  return packed_bytes<ht_own_quad_dsp>(*p, fixed_layer(p->epilogue, sum_ranges(*p)));
}
size_t depthwise_packed_dsp_any(const ht_depthwise_params* p) { return packed_bytes<ht_sum_quad_dsp>(*p, {}); }
void depthwise_pack_dsp(const ht_depthwise_params* p, void* packed) { pack<ht_quad_dsp>(*p, fixed_layer(p->epilogue, sum_ranges(*p)), packed); }
void depthwise_pack_dsp_own(const ht_depthwise_params* p, void* packed) {
  pack<ht_own_quad_dsp>(*p, fixed_layer(p->epilogue, sum_ranges(*p)), packed);
}
void depthwise_pack_dsp_any(const ht_depthwise_params* p, void* packed) { pack<ht_sum_quad_dsp>(*p, sums_layer(sum_ranges(*p)), packed); }

bool depthwise_accepts_dsp_activated(const ht_depthwise_params& p) { return fits_activated(p.epilogue, sum_ranges(p)); }
size_t depthwise_packed_dsp_activated(const ht_depthwise_params* p) {
  return ht_activated_bytes(p->input_channels * p->channel_multiplier) + depthwise_packed_dsp_any(p);
}
void depthwise_pack_dsp_activated(const ht_depthwise_params* p, void* packed) {
  depthwise_pack_dsp_any(p, pack_activated(p->epilogue, sum_ranges(*p), packed));
}

}  // namespace ht::cortex_m
