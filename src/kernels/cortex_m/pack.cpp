// SPDX-License-Identifier: Apache-2.0
#include "kernels/cortex_m/pack.h"

#include <algorithm>
#include <cstdlib>

#include "kernels/cortex_m/ht_activated.h"

namespace ht::cortex_m {
namespace {

// Beyond this shift, rounding and zero point could leave 32 bits.
constexpr int32_t kLargestShift = 22;

int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

// Whether every sum is requantized to 0, as those of channels are that the quantizer found to be dead.
bool vanishes(const ht_multiplier& m, size_t channel, int64_t largest) {
  return largest * magnitude(m.fixed[channel]) < int64_t{1} << (30 - m.shift[channel]);
}

// One of an epilogue's multipliers; without zero points where they are NULL.
FixedLayer fixed_multiplier(const ht_multiplier& m, const int8_t* zero_point, const std::vector<int64_t>& largest) {
  FixedLayer layer;
  for (size_t c = 0; c < largest.size(); ++c)
    if (!vanishes(m, c, largest[c])) layer.lift = std::max(layer.lift, m.shift[c] + 2);
  for (size_t c = 0; c < largest.size(); ++c) {
    const bool zero = vanishes(m, c, largest[c]);
    const int32_t shift = zero ? 1 : layer.lift - m.shift[c] - 1;
    if (!zero && (layer.lift > 30 || largest[c] > INT32_MAX >> layer.lift || shift > kLargestShift)) return layer;
    layer.channels.push_back({zero ? 0 : m.fixed[c], shift, (1 << (shift - 1)) + (zero_point ? zero_point[c] * (1 << shift) : 0)});
  }
  layer.exact = true;
  return layer;
}

// Both multipliers of ht_activated.h.
struct ActivatedLayer {
  FixedLayer first, second;
};

// The function's values are those of its pieces and, where it rises, what its argument is beyond them.
ActivatedLayer activated_layer(const ht_epilogue& e, const std::vector<int64_t>& largest) {
  ActivatedLayer layer{fixed_multiplier(e.multiplier, nullptr, largest), {}};
  int64_t within = 0;
  for (size_t i = 0; i < HT_ACTIVATION_PIECES; ++i)
    within = std::max(within, magnitude(e.activation->base[i]) + magnitude(e.activation->slope[i]) + magnitude(e.activation->curve[i]) + 2);
  std::vector<int64_t> values;
  for (size_t c = 0; c < largest.size(); ++c)
    values.push_back(within + (largest[c] * magnitude(e.multiplier.fixed[c]) >> (31 - e.multiplier.shift[c])) + 1);
  layer.second = fixed_multiplier(e.second, e.zero_point, values);
  return layer;
}

}  // namespace

FixedLayer fixed_layer(const ht_epilogue& epilogue, const std::vector<int64_t>& largest) {
  if (epilogue.output != HT_OUTPUT_S8 || epilogue.policy != HT_FIXED_SINGLE) return {};
  FixedLayer layer = fixed_multiplier(epilogue.multiplier, epilogue.zero_point, largest);
  for (size_t c = 0; c < largest.size(); ++c) layer.clamps = layer.clamps || epilogue.minimum[c] != INT8_MIN || epilogue.maximum[c] != INT8_MAX;
  return layer;
}

bool fits_activated(const ht_epilogue& epilogue, const std::vector<int64_t>& largest) {
  if (epilogue.output != HT_OUTPUT_ACTIVATED || epilogue.policy != HT_FIXED_SINGLE) return false;
  const ActivatedLayer layer = activated_layer(epilogue, largest);
  return layer.first.exact && layer.second.exact;
}

void* pack_activated(const ht_epilogue& epilogue, const std::vector<int64_t>& largest, void* packed) {
  const ActivatedLayer layer = activated_layer(epilogue, largest);
  auto* header = static_cast<ht_activated_layer*>(packed);
  *header = {layer.first.lift, layer.second.lift};
  auto* channel = reinterpret_cast<ht_activated_channel*>(header + 1);
  for (size_t c = 0; c < largest.size(); ++c) {
    const Fixed &first = layer.first.channels[c], &second = layer.second.channels[c];
    *channel++ = {first.multiplier, first.rounding, second.multiplier, second.rounding, static_cast<int8_t>(first.shift),
                  static_cast<int8_t>(second.shift), epilogue.minimum[c], epilogue.maximum[c]};
  }
  return channel;
}

ht_layer_dsp packed_layer(const FixedLayer& layer) { return {layer.lift, layer.clamps}; }

ht_channel_dsp packed_channel(const int32_t* bias, const ht_epilogue& epilogue, const FixedLayer& layer, size_t channel, size_t count) {
  ht_channel_dsp packed{0, 0, 0, 1, INT8_MIN, INT8_MAX, 0};
  if (channel >= count) return packed;
  packed.bias = bias[channel];
  if (!layer.exact) return packed;
  const Fixed& fixed = layer.channels[channel];
  packed.multiplier = fixed.multiplier;
  packed.rounding = fixed.rounding;
  packed.shift = static_cast<int8_t>(fixed.shift);
  packed.minimum = epilogue.minimum[channel];
  packed.maximum = epilogue.maximum[channel];
  return packed;
}

ht_block_mve packed_block(const int32_t* bias, const ht_epilogue& epilogue, const FixedLayer& layer, size_t first, size_t count) {
  ht_block_mve block{};
  for (size_t lane = 0; lane < HT_BLOCK_CHANNELS; ++lane) {
    const ht_channel_dsp channel = packed_channel(bias, epilogue, layer, first + lane, count);
    block.bias[lane] = channel.bias;
    block.multiplier[lane] = channel.multiplier;
    block.shift[lane] = -channel.shift;
    block.zero_point[lane] = layer.exact && first + lane < count ? epilogue.zero_point[first + lane] : int8_t{0};
    block.minimum[lane] = channel.minimum;
    block.maximum[lane] = channel.maximum;
  }
  return block;
}

std::vector<int64_t> largest_sums(const ht_conv_params& p) {
  const size_t depth = static_cast<size_t>(p.kernel_height) * static_cast<size_t>(p.kernel_width) * static_cast<size_t>(p.input_channels / p.groups);
  std::vector<int64_t> largest;
  for (size_t o = 0; o < static_cast<size_t>(p.output_channels); ++o) {
    int64_t sum = magnitude(p.bias[o]);
    for (size_t k = 0; k < depth; ++k) sum += 128 * std::abs(p.weights[o * depth + k]);
    largest.push_back(sum);
  }
  return largest;
}

std::vector<int64_t> largest_sums(const ht_depthwise_params& p) {
  const auto outputs = static_cast<size_t>(p.input_channels * p.channel_multiplier);
  const size_t taps = static_cast<size_t>(p.kernel_height) * static_cast<size_t>(p.kernel_width);
  std::vector<int64_t> largest;
  for (size_t o = 0; o < outputs; ++o) {
    int64_t sum = magnitude(p.bias[o]);
    for (size_t t = 0; t < taps; ++t) sum += 128 * std::abs(p.weights[t * outputs + o]);
    largest.push_back(sum);
  }
  return largest;
}

}  // namespace ht::cortex_m
