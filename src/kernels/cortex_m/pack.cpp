// SPDX-License-Identifier: Apache-2.0
#include "kernels/cortex_m/pack.h"

#include <algorithm>
#include <cstdlib>

#include "kernels/c/ht_requantize.h"
#include "kernels/cortex_m/ht_activated.h"

namespace ht::cortex_m {
namespace {

// Beyond this shift, rounding and zero point could leave 32 bits.
constexpr int32_t kLargestShift = 22;

int64_t magnitude(int64_t x) { return x < 0 ? -x : x; }

// Whether every sum is requantized to 0.
bool vanishes(const ht_multiplier& m, size_t channel, int64_t largest) {
  return largest * magnitude(m.fixed[channel]) < int64_t{1} << (30 - m.shift[channel]);
}

// A multiplier of FIXED_SINGLE for values up to `largest` in magnitude, those channels left out that `is_constant` names.
struct FixedMultipliers {
  bool exact = false;
  int32_t lift = 0;
  std::vector<FixedChannel> channels;
};

FixedMultipliers fixed_multipliers(const ht_multiplier& m, const std::vector<int64_t>& largest, const std::vector<bool>& is_constant) {
  FixedMultipliers result;
  for (size_t c = 0; c < largest.size(); ++c)
    if (!is_constant[c]) result.lift = std::max(result.lift, m.shift[c] + 2);
  for (size_t c = 0; c < largest.size(); ++c) {
    FixedChannel channel;
    channel.is_constant = is_constant[c];
    if (!channel.is_constant) {
      channel.multiplier = m.fixed[c];
      channel.shift = result.lift - m.shift[c] - 1;
      if (result.lift > 30 || largest[c] > INT32_MAX >> result.lift || channel.shift > kLargestShift) return result;
    }
    result.channels.push_back(channel);
  }
  result.exact = true;
  return result;
}

// Takes zero point and bounds from the epilogue, where they are the same for all channels.
bool take_bounds(const ht_epilogue& e, size_t channels, FixedLayer& layer) {
  const auto is_uniform = [&](const int8_t* values) { return std::all_of(values, values + channels, [&](int8_t value) { return value == values[0]; }); };
  if (channels == 0 || !is_uniform(e.zero_point) || !is_uniform(e.minimum) || !is_uniform(e.maximum)) return false;
  layer.zero_point = e.zero_point[0];
  layer.minimum = e.minimum[0];
  layer.maximum = e.maximum[0];
  return true;
}

// What a sum becomes, without zero point.
int32_t requantized(const ht_epilogue& e, const FixedLayer& layer, size_t channel, int64_t sum) {
  constexpr int32_t kLimit = 1 << 30;
  const int32_t value = ht_requantize_single(static_cast<int32_t>(sum), e.multiplier.fixed[channel], e.multiplier.shift[channel], -kLimit, kLimit);
  return std::clamp(value, layer.minimum - layer.zero_point, layer.maximum - layer.zero_point);
}

// Makes every sum that is `bias` alone the value: bias * 2^lift * multiplier is value * 2^33.
void set_constant(int32_t value, int32_t lift, FixedChannel& channel) {
  const int32_t bits = std::max(0, 11 - lift);
  channel.bias = 1 << bits;
  channel.multiplier = value * (1 << (33 - lift - bits));
}

// Both multipliers of ht_activated.h.
struct ActivatedLayer {
  FixedMultipliers first, second;
};

std::vector<bool> vanishing(const ht_multiplier& m, const std::vector<int64_t>& largest) {
  std::vector<bool> result;
  for (size_t c = 0; c < largest.size(); ++c) result.push_back(vanishes(m, c, largest[c]));
  return result;
}

// The function's values are those of its pieces and, where it rises, what its argument is beyond them.
ActivatedLayer activated_layer(const ht_epilogue& e, const std::vector<SumRange>& sums) {
  std::vector<int64_t> largest, values;
  int64_t within = 0;
  for (size_t i = 0; i < HT_ACTIVATION_PIECES; ++i)
    within = std::max(within, magnitude(e.activation->base[i]) + magnitude(e.activation->slope[i]) + magnitude(e.activation->curve[i]) + 2);
  for (size_t c = 0; c < sums.size(); ++c) {
    largest.push_back(sums[c].largest());
    values.push_back(within + (largest[c] * magnitude(e.multiplier.fixed[c]) >> (31 - e.multiplier.shift[c])) + 1);
  }
  return {fixed_multipliers(e.multiplier, largest, vanishing(e.multiplier, largest)), fixed_multipliers(e.second, values, vanishing(e.second, values))};
}

}  // namespace

FixedLayer sums_layer(const std::vector<SumRange>& sums) {
  FixedLayer layer;
  for (const SumRange& sum : sums) {
    FixedChannel channel;
    channel.bias = static_cast<int32_t>(sum.bias);
    layer.channels.push_back(channel);
  }
  return layer;
}

FixedLayer fixed_layer(const ht_epilogue& epilogue, const std::vector<SumRange>& sums) {
  FixedLayer layer;
  if (epilogue.output != HT_OUTPUT_S8 || epilogue.policy != HT_FIXED_SINGLE || !take_bounds(epilogue, sums.size(), layer)) return layer;
  std::vector<int64_t> largest;
  std::vector<int32_t> least;
  std::vector<bool> is_constant;
  for (size_t c = 0; c < sums.size(); ++c) {
    largest.push_back(sums[c].largest());
    least.push_back(requantized(epilogue, layer, c, sums[c].bias - sums[c].spread));
    is_constant.push_back(least[c] == requantized(epilogue, layer, c, sums[c].bias + sums[c].spread));
  }
  FixedMultipliers multipliers = fixed_multipliers(epilogue.multiplier, largest, is_constant);
  layer.exact = multipliers.exact;
  layer.lift = multipliers.lift;
  layer.channels = std::move(multipliers.channels);
  for (size_t c = 0; c < layer.channels.size(); ++c) {
    if (is_constant[c]) set_constant(least[c], layer.lift, layer.channels[c]);
    else layer.channels[c].bias = static_cast<int32_t>(sums[c].bias);
  }
  return layer;
}

bool fits_activated(const ht_epilogue& epilogue, const std::vector<SumRange>& sums) {
  FixedLayer bounds;
  if (epilogue.output != HT_OUTPUT_ACTIVATED || epilogue.policy != HT_FIXED_SINGLE || !take_bounds(epilogue, sums.size(), bounds)) return false;
  const ActivatedLayer layer = activated_layer(epilogue, sums);
  return layer.first.exact && layer.second.exact;
}

void* pack_activated(const ht_epilogue& epilogue, const std::vector<SumRange>& sums, void* packed) {
  const ActivatedLayer layer = activated_layer(epilogue, sums);
  auto* header = static_cast<ht_activated_layer*>(packed);
  *header = {layer.first.lift, layer.second.lift, epilogue.zero_point[0], epilogue.minimum[0], epilogue.maximum[0]};
  const size_t channels = sums.size();
  auto* multiplier = reinterpret_cast<int32_t*>(header + 1);
  auto* shift = reinterpret_cast<int8_t*>(multiplier + 2 * channels);
  for (size_t c = 0; c < channels; ++c) {
    multiplier[c] = layer.first.channels[c].multiplier;
    multiplier[channels + c] = layer.second.channels[c].multiplier;
    shift[c] = static_cast<int8_t>(layer.first.channels[c].shift);
    shift[channels + c] = static_cast<int8_t>(layer.second.channels[c].shift);
  }
  return static_cast<char*>(packed) + ht_activated_bytes(static_cast<int32_t>(channels));
}

ht_layer_dsp layer_dsp(const FixedLayer& layer) { return {layer.lift, 2 * layer.zero_point + 1, layer.minimum, layer.maximum}; }
ht_layer_mve layer_mve(const FixedLayer& layer) { return {layer.lift, layer.zero_point, layer.minimum, layer.maximum}; }

std::vector<SumRange> sum_ranges(const ht_conv_params& p) {
  const size_t depth = static_cast<size_t>(p.kernel_height) * static_cast<size_t>(p.kernel_width) * static_cast<size_t>(p.input_channels / p.groups);
  std::vector<SumRange> sums;
  for (size_t o = 0; o < static_cast<size_t>(p.output_channels); ++o) {
    SumRange sum{p.bias[o], 0};
    for (size_t k = 0; k < depth; ++k) sum.spread += 128 * std::abs(p.weights[o * depth + k]);
    sums.push_back(sum);
  }
  return sums;
}

std::vector<SumRange> sum_ranges(const ht_depthwise_params& p) {
  const auto outputs = static_cast<size_t>(p.input_channels * p.channel_multiplier);
  const size_t taps = static_cast<size_t>(p.kernel_height) * static_cast<size_t>(p.kernel_width);
  std::vector<SumRange> sums;
  for (size_t o = 0; o < outputs; ++o) {
    SumRange sum{p.bias[o], 0};
    for (size_t t = 0; t < taps; ++t) sum.spread += 128 * std::abs(p.weights[t * outputs + o]);
    sums.push_back(sum);
  }
  return sums;
}

}  // namespace ht::cortex_m
