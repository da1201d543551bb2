// SPDX-License-Identifier: Apache-2.0
#include "kernels/cortex_m/pack.h"

#include <algorithm>
#include <bit>
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

bool bounds_differ(const ht_epilogue& e, size_t channels) { return differ(e.minimum, channels) || differ(e.maximum, channels); }

// What a sum becomes, without zero point.
int32_t requantized(const ht_epilogue& e, size_t channel, int64_t sum) {
  constexpr int32_t kLimit = 1 << 30;
  const int32_t value = ht_requantize_single(static_cast<int32_t>(sum), e.multiplier.fixed[channel], e.multiplier.shift[channel], -kLimit, kLimit);
  return std::clamp(value, e.minimum[channel] - e.zero_point[channel], e.maximum[channel] - e.zero_point[channel]);
}

// Makes every sum that is `bias` alone the value: bias * 2^lift * multiplier is value * 2^(shift + 32), in short numbers (short_channels) where such a
// shift as the others have leaves room for that.
void set_constant(int32_t value, int32_t lift, int32_t least_shift, FixedChannel& channel) {
  constexpr int32_t kMostBits = 14;
  const int32_t shift = std::max(least_shift, lift - 2), bits = shift + 2 - lift;
  if (shift <= kLargestShift && bits <= kMostBits) {
    channel.shift = shift;
    channel.bias = value * (1 << bits);
    channel.multiplier = 1 << 30;
    return;
  }
  const int32_t few = std::max(0, 11 - lift);
  channel.bias = 1 << few;
  channel.multiplier = value * (1 << (33 - lift - few));
}

// The least shift of those that are no constants.
int32_t least_shift(const std::vector<FixedChannel>& channels) {
  int32_t least = INT32_MAX;
  for (const FixedChannel& channel : channels)
    if (!channel.is_constant) least = std::min(least, channel.shift);
  return least == INT32_MAX ? 1 : least;
}

// What a short channel's bias is a multiple of, as a power of two.
int32_t bias_unit(const ShortChannels& form, const FixedChannel& channel) {
  return form.bias_lift + (form.relative_bias ? channel.shift - 1 : 0);
}

// The form with the biases in the largest units that they are multiples of; with too many bits where units would be less than
// one.
ShortChannels with_biases(ShortChannels form, const std::vector<FixedChannel>& channels, bool relative) {
  constexpr int32_t kMostUnit = 24, kTooMany = 33;
  form.relative_bias = relative;
  form.bias_lift = kMostUnit - (relative ? form.shift : 0);
  for (const FixedChannel& channel : channels)
    if (channel.bias != 0)
      form.bias_lift += std::min(0, std::countr_zero(static_cast<uint32_t>(channel.bias)) - bias_unit(form, channel));
  for (const FixedChannel& channel : channels) {
    const int32_t unit = bias_unit(form, channel), units = channel.bias >> std::max(unit, 0);
    const int32_t bits = 1 + static_cast<int32_t>(std::bit_width(static_cast<uint32_t>(units < 0 ? ~units : units)));
    form.bias_bits = std::max(form.bias_bits, unit < 0 ? kTooMany : bits);
  }
  return form;
}

// One whose zero point and bounds are the layer's, where they do not differ.
FixedChannel common_channel(const FixedLayer& layer) { return layer.channels.empty() ? FixedChannel{} : layer.channels[0]; }

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
  for (const SumRange& sum : sums) largest.push_back(sum.largest());
  FixedMultipliers first = fixed_multipliers(e.multiplier, largest, vanishing(e.multiplier, largest));
  if (!first.exact) return {std::move(first), {}};
  for (size_t c = 0; c < sums.size(); ++c)
    values.push_back(within + (largest[c] * magnitude(e.multiplier.fixed[c]) >> (31 - e.multiplier.shift[c])) + 1);
  return {std::move(first), fixed_multipliers(e.second, values, vanishing(e.second, values))};
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
  if (epilogue.output != HT_OUTPUT_S8 || epilogue.policy != HT_FIXED_SINGLE) return layer;
  std::vector<int64_t> largest;
  std::vector<int32_t> least;
  std::vector<bool> is_constant;
  for (size_t c = 0; c < sums.size(); ++c) {
    largest.push_back(sums[c].largest());
    least.push_back(requantized(epilogue, c, sums[c].bias - sums[c].spread));
    is_constant.push_back(least[c] == requantized(epilogue, c, sums[c].bias + sums[c].spread));
  }
  FixedMultipliers multipliers = fixed_multipliers(epilogue.multiplier, largest, is_constant);
  layer.exact = multipliers.exact;
  layer.lift = multipliers.lift;
  layer.own_zero_points = differ(epilogue.zero_point, sums.size());
  layer.own_bounds = bounds_differ(epilogue, sums.size());
  layer.channels = std::move(multipliers.channels);
  const int32_t shift = least_shift(layer.channels);
  for (size_t c = 0; c < layer.channels.size(); ++c) {
    FixedChannel& channel = layer.channels[c];
    if (!is_constant[c]) channel.bias = static_cast<int32_t>(sums[c].bias);
    else set_constant(least[c], layer.lift, shift, channel);
    channel.zero_point = epilogue.zero_point[c];
    channel.minimum = epilogue.minimum[c];
    channel.maximum = epilogue.maximum[c];
  }
  return layer;
}

bool differ(const int8_t* values, size_t count) {
  return std::any_of(values, values + count, [&](int8_t value) { return value != values[0]; });
}

bool has_short_bias(const FixedChannel& channel) { return magnitude(channel.bias) < 1 << 23; }

int32_t bias_and_shift(const FixedChannel& channel) {
  return static_cast<int32_t>(static_cast<uint32_t>(channel.bias) << 8 | static_cast<uint32_t>(channel.shift - 1));
}

bool fits_activated(const ht_epilogue& epilogue, const std::vector<SumRange>& sums) {
  if (epilogue.output != HT_OUTPUT_ACTIVATED || epilogue.policy != HT_FIXED_SINGLE || bounds_differ(epilogue, sums.size())) return false;
  const ActivatedLayer layer = activated_layer(epilogue, sums);
  return layer.first.exact && layer.second.exact;
}

void* pack_activated(const ht_epilogue& epilogue, const std::vector<SumRange>& sums, void* packed) {
  const ActivatedLayer layer = activated_layer(epilogue, sums);
  auto* header = static_cast<ht_activated_layer*>(packed);
  *header = {layer.first.lift, layer.second.lift, epilogue.minimum[0], epilogue.maximum[0]};
  const size_t channels = sums.size();
  auto* multiplier = reinterpret_cast<int32_t*>(header + 1);
  auto* shift = reinterpret_cast<int8_t*>(multiplier + 2 * channels);
  for (size_t c = 0; c < channels; ++c) {
    multiplier[c] = layer.first.channels[c].multiplier;
    multiplier[channels + c] = layer.second.channels[c].multiplier;
    shift[c] = static_cast<int8_t>(layer.first.channels[c].shift);
    shift[channels + c] = static_cast<int8_t>(layer.second.channels[c].shift);
    shift[2 * channels + c] = epilogue.zero_point[c];
  }
  return static_cast<char*>(packed) + ht_activated_bytes(static_cast<int32_t>(channels));
}

ShortChannels short_channels(const FixedLayer& layer) {
  constexpr int32_t kMostSignificandBits = 5, kMostShiftBits = 3, kMostBiasBits = 31, kWord = 32;
  if (!layer.exact || layer.channels.empty()) return {};
  const int32_t least = least_shift(layer.channels);
  uint32_t significands = 0, shifts = 0;
  for (const FixedChannel& channel : layer.channels) {
    if (channel.multiplier < 1 << 30 || channel.shift < least) return {};
    significands |= static_cast<uint32_t>(channel.multiplier) << 2;
    shifts |= static_cast<uint32_t>(channel.shift - least);
  }
  ShortChannels form{0,
                     significands == 0 ? 0 : kWord - std::countr_zero(significands),
                     static_cast<int32_t>(std::bit_width(shifts)),
                     least - 1,
                     0,
                     false,
                     layer.own_zero_points};
  if (form.significand_bits > kMostSignificandBits || form.shift_bits > kMostShiftBits) return {};
  const ShortChannels relative = with_biases(form, layer.channels, true), absolute = with_biases(form, layer.channels, false);
  form = relative.bias_bits <= absolute.bias_bits ? relative : absolute;
  const int32_t word = form.significand_bits + form.shift_bits + form.bias_bits;
  if (word > HT_MOST_SURE_BITS) form.bias_bits += kWord - word;
  if (word > kWord || form.bias_bits > kMostBiasBits) return {};
  return form;
}

size_t stored_channels(const FixedLayer& layer, size_t channels, size_t bytes) {
  const ShortChannels form = short_channels(layer);
  return form.bias_bits == 0 ? channels * bytes : (channels * static_cast<size_t>(form.bits()) + 31) / 32 * 4;
}

void write_short(const ShortChannels& form, const FixedChannel& channel, size_t place, uint8_t* to) {
  size_t bit = place * static_cast<size_t>(form.bits());
  const auto put = [&](int32_t number, int32_t bits) {
    for (int32_t i = 0; i < bits; ++i, ++bit)
      to[bit / 8] |= static_cast<uint8_t>((static_cast<uint32_t>(number) >> i & 1) << bit % 8);
  };
  put(channel.multiplier >> (30 - form.significand_bits), form.significand_bits);
  put(channel.shift - 1 - form.shift, form.shift_bits);
  put(channel.bias >> bias_unit(form, channel), form.bias_bits);
  if (form.own_zero_points) put(channel.zero_point, 8);
}

ht_layer_dsp header_dsp(const ShortChannels& form) {
  ht_layer_dsp header{};
  header.own_zero_points = form.own_zero_points;
  header.bias_bits = static_cast<uint8_t>(form.bias_bits) & 31u;
  header.significand_bits = static_cast<uint8_t>(form.significand_bits) & 7u;
  header.shift = static_cast<uint8_t>(form.shift) & 31u;
  header.shift_bits = static_cast<uint8_t>(form.shift_bits) & 3u;
  header.relative_bias = form.relative_bias;
  header.bias_lift = static_cast<int8_t>(form.bias_lift);
  return header;
}

size_t layer_dsp_bytes(const FixedLayer& layer) {
  return sizeof(ht_layer_dsp) + (layer.own_bounds ? (2 * layer.channels.size() + 3) / 4 * 4 : 0);
}

void* pack_layer_dsp(const FixedLayer& layer, void* packed) {
  const FixedChannel first = common_channel(layer);
  const bool bytes = first.minimum == INT8_MIN && first.maximum == INT8_MAX;
  auto* header = static_cast<ht_layer_dsp*>(packed);
  *header = header_dsp(short_channels(layer));
  header->zero_point = first.zero_point;
  header->minimum = first.minimum;
  header->maximum = first.maximum;
  header->lift = static_cast<uint8_t>(layer.lift) & 31u;
  header->bounds = layer.own_bounds ? HT_OWN_BOUNDS : (bytes ? HT_BYTE_BOUNDS : HT_LAYER_BOUNDS);
  auto* bound = reinterpret_cast<int8_t*>(header + 1);
  int8_t* end = static_cast<int8_t*>(packed) + layer_dsp_bytes(layer);
  if (layer.own_bounds) {
    for (const FixedChannel& channel : layer.channels) *bound++ = channel.minimum;
    for (const FixedChannel& channel : layer.channels) *bound++ = channel.maximum;
    std::fill(bound, end, int8_t{0});
  }
  return end;
}

ht_layer_mve layer_mve(const FixedLayer& layer) {
  const FixedChannel first = common_channel(layer);
  return {layer.lift, first.zero_point, first.minimum, first.maximum};
}

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
