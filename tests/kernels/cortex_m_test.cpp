// SPDX-License-Identifier: Apache-2.0
// Kernels for Cortex-M, compiled for this machine, give the normative kernel's bits; bench/cortex_m runs them on emulated boards.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <string_view>

#include "kernels/c/ht_requantize.h"
#include "kernels/cortex_m/ht_clamp_dsp.h"
#include "kernels/cortex_m/ht_short_channels_dsp.h"
#include "kernels/cortex_m/pack.h"
#include "kernels/cortex_m/registry.h"
#include "kernels/epilogue.h"
#include "variants.h"

namespace ht::test {
namespace {

constexpr CortexM kCpus[] = {CortexM::kM3, CortexM::kM4, CortexM::kM7, CortexM::kM55};

// Mostly what `quantize --target cortex-m` makes.
EpilogueData random_epilogue(Random& random, int32_t channels, int32_t depth) {
  const Policy policies[] = {Policy::kFixedSingle, Policy::kFixedSingle, Policy::kFixedSingle, Policy::kFloatHalfEven, Policy::kFixedDouble};
  const Policy policy = policies[random.integer(0, 4)];
  const bool bounded = random.coin(), large = random.integer(0, 3) == 0;
  Int8Output output{random.bytes(random.integer(0, 4) == 0 ? static_cast<size_t>(channels) : 1), {-128}, {127}};
  if (bounded) {
    const size_t bounds = random.integer(0, 3) == 0 ? static_cast<size_t>(channels) : 1;
    output.minimum.assign(bounds, -90);
    output.maximum.assign(bounds, 80);
    for (size_t i = 1; i < bounds; ++i) output.minimum[i] = static_cast<int8_t>(random.integer(-128, 0)), output.maximum[i] = static_cast<int8_t>(random.integer(0, 127));
  }
  std::vector<double> in, out, ratio;
  for (int32_t c = 0; c < channels; ++c) {
    in.push_back(random.real(0.1, 2) * 0.001 / std::sqrt(depth));
    out.push_back(random.real(0.01, 0.1));
    const double tiny[] = {1e-12, 1e-7};
    ratio.push_back(random.integer(0, 20) == 0 ? tiny[random.integer(0, 1)] : random.real(0.1, 2) * (large ? 0.3 : 0.01 / std::sqrt(depth)));
  }
  switch (random.integer(0, 7)) {
    case 0:
      return *activated_epilogue(policy, channels, {HT_SILU, 0.1f}, in, out, output);
    case 1:
      return *float_epilogue(channels, in);
    default:
      return *int8_epilogue(policy, channels, ratio, output);
  }
}

// Those of channels without much in their weights are large.
std::vector<int32_t> random_biases(Random& random, int32_t channels, int32_t most) {
  std::vector<int32_t> biases = random.integers(static_cast<size_t>(channels), -most, most);
  for (int32_t& bias : biases)
    if (random.integer(0, 30) == 0) bias = random.integer(-(1 << 28), 1 << 28);
  return biases;
}

// Multipliers and biases of few bits, for which short channels have room; all of them are multiples of one unit, or each of its
// multiplier's.
EpilogueData short_epilogue(Random& random, std::vector<int32_t>& biases, int32_t depth) {
  const bool relative = random.coin();
  const int32_t channels = static_cast<int32_t>(biases.size()), unit = random.integer(0, 2),
                most = (1 << random.integer(0, relative ? 13 : 20)) - 1;
  const int32_t significand_bits = random.integer(0, 5), octaves = 1 << random.integer(0, 3);
  const int32_t least = static_cast<int32_t>(std::log2(depth)) / 2 + random.integer(5, 11);
  std::vector<double> ratio;
  for (int32_t& bias : biases) {
    const int32_t octave = random.integer(0, octaves - 1);
    ratio.push_back(
        std::ldexp(random.integer(1 << significand_bits, (2 << significand_bits) - 1), -least - octave - significand_bits));
    bias = random.integer(-most, most) * (1 << (relative ? unit + octave : unit));
  }
  const bool own = random.integer(0, 2) == 0;
  return *int8_epilogue(Policy::kFixedSingle, channels, ratio, {random.bytes(own ? static_cast<size_t>(channels) : 1), {-128}, {127}});
}

// Layers by how short channels lie in words, and others.
struct ShortLayers {
  int others = 0, sure = 0, whole = 0, own_zero_points = 0, relative = 0, absolute = 0;
};
template <class Params>
void count_short(const Params& p, ShortLayers& layers) {
  const cortex_m::ShortChannels form = cortex_m::short_channels(cortex_m::fixed_layer(p.epilogue, cortex_m::sum_ranges(p)));
  if (form.bias_bits == 0) {
    ++layers.others;
    return;
  }
  ++(form.significand_bits + form.shift_bits + form.bias_bits <= HT_MOST_SURE_BITS ? layers.sure : layers.whole);
  ++(form.relative_bias ? layers.relative : layers.absolute);
  layers.own_zero_points += form.own_zero_points;
}
void expect_all(const ShortLayers& layers) {
  for (const int count : {layers.others, layers.sure, layers.whole, layers.own_zero_points, layers.relative, layers.absolute})
    EXPECT_GE(count, 15);
}

size_t element_bytes(const EpilogueData& data) { return data.output == HT_OUTPUT_F32 ? 4 : 1; }

// Weights as quantizers make them have no -128.
std::vector<int8_t> random_weights(Random& random, size_t count) {
  std::vector<int8_t> weights = random.bytes(count);
  if (random.coin()) std::replace(weights.begin(), weights.end(), int8_t{-128}, int8_t{127});
  return weights;
}

// How many layers each kernel took.
using Taken = std::map<std::string_view, int>;

template <class Params>
void compare_rows(Random& random, std::span<const CortexMKernel<Params>> rows, const Params& params, const std::vector<const void*>& inputs,
                  size_t output_bytes, int32_t units, Taken& taken) {
  std::vector<Kernel<Params>> kernels;
  for (const CortexMKernel<Params>& row : rows) {
    kernels.push_back(row.kernel);
    taken[row.function] += !row.kernel.accepts || row.kernel.accepts(params);
  }
  compare<Params>(random, std::span<const Kernel<Params>>(kernels), params, inputs, output_bytes, units);
}

void expect_many(const Taken& taken) {
  for (const auto& [function, count] : taken) EXPECT_GE(count, 30) << function;
}

// FIXED_SINGLE by the upper half of a product equals its definition in 64 bits, where packing says that it does.
TEST(CortexM, RequantizesAsIn64Bits) {
  Random random(1);
  int exact = 0, constant = 0;
  for (int layer = 0; layer < 20000; ++layer) {
    const int32_t fixed = random.integer(1 << 30, INT32_MAX) * (random.integer(0, 9) == 0 ? -1 : 1);
    const int32_t shift = random.integer(-31, 8);
    const int32_t bias = random.integer(-3, 3) << random.integer(0, 27), spread = random.integer(1, 1 << random.integer(1, 28));
    const int8_t zero_point = random.bytes(1)[0], minimum = random.coin() ? int8_t{-128} : zero_point, maximum = 127;
    ht_epilogue e{};
    e.output = HT_OUTPUT_S8;
    e.policy = HT_FIXED_SINGLE;
    e.multiplier = {nullptr, &fixed, &shift};
    e.zero_point = &zero_point, e.minimum = &minimum, e.maximum = &maximum;
    const cortex_m::FixedLayer packed = cortex_m::fixed_layer(e, {{bias, spread}});
    if (!packed.exact) continue;
    ++exact;
    const cortex_m::FixedChannel& channel = packed.channels[0];
    constant += channel.is_constant;
    ht_layer_dsp dsp;
    cortex_m::pack_layer_dsp(packed, &dsp);
    const ht_layer_mve mve = cortex_m::layer_mve(packed);
    const int32_t rounding = ht_rounding_dsp(dsp.zero_point, channel.shift - 1);
    for (int i = 0; i < 60; ++i) {
      const int32_t products = i == 0 ? spread : (i == 1 ? -spread : random.integer(-spread, spread) >> random.integer(0, 20));
      const int32_t wanted = ht_clamp(ht_requantize_single(bias + products, fixed, shift, -(1 << 30), 1 << 30) + zero_point, minimum, maximum);
      const int32_t x = channel.bias + (channel.is_constant ? 0 : products);
      auto by_dsp = static_cast<int8_t>(ht_requantize_dsp(x, dsp.lift, channel.multiplier, rounding, channel.shift - 1));
      ht_clamp_dsp(&dsp, 1, 1, 1, &by_dsp, 0);
      ASSERT_EQ(by_dsp, wanted) << bias << " + " << products << " times " << fixed << ", shift " << shift;
      ASSERT_EQ(ht_requantize_mve(x, mve.lift, channel.multiplier, -channel.shift, mve.zero_point, mve.minimum, mve.maximum), wanted) << bias << " + " << products << " times " << fixed << ", shift " << shift;
    }
  }
  EXPECT_GT(exact, 10000);
  EXPECT_GT(constant, 1000);
  EXPECT_GT(exact - constant, 1000);
}

// A channel with the most of all its numbers, or the least.
cortex_m::FixedChannel extreme_channel(const cortex_m::ShortChannels& form, Random& random) {
  cortex_m::FixedChannel channel;
  const int32_t significand = random.integer(0, (1 << form.significand_bits) - 1),
                shift = random.integer(0, (1 << form.shift_bits) - 1);
  const int64_t half = int64_t{1} << (form.bias_bits - 1), units[] = {-half, half - 1, 0, -1};
  channel.multiplier = (1 << 30) + (significand << (30 - form.significand_bits));
  channel.shift = form.shift + shift + 1;
  channel.bias = static_cast<int32_t>(units[random.integer(0, 3)] *
                                      (int64_t{1} << (form.bias_lift + (form.relative_bias ? channel.shift - 1 : 0))));
  channel.zero_point = random.coin() ? int8_t{-128} : random.bytes(1)[0];
  return channel;
}

// Short channels of every width come back as they were, the last ones of an array with nothing but a word of weights behind it
// among them.
TEST(CortexM, ReadsShortChannelsOfEveryWidth) {
  Random random(2);
  std::map<int, int> widths;
  for (int layer = 0; layer < 4000; ++layer) {
    cortex_m::ShortChannels form;
    form.significand_bits = random.integer(0, 5);
    form.shift_bits = random.integer(0, 3);
    const int32_t before = form.significand_bits + form.shift_bits;
    form.bias_bits = random.integer(0, 4) == 0 ? 32 - std::max(before, 1) : random.integer(1, HT_MOST_SURE_BITS - before);
    if (form.bias_bits + before != 32 && form.bias_bits + before > HT_MOST_SURE_BITS) continue;
    form.shift = random.integer(0, 14);
    form.relative_bias = random.coin();
    form.bias_lift = form.relative_bias ? -form.shift : 0;
    form.own_zero_points = random.coin();
    ++widths[form.bits()];
    const auto count = static_cast<size_t>(random.integer(1, 40));
    const size_t bytes = (count * static_cast<size_t>(form.bits()) + 31) / 32 * 4;
    std::vector<uint8_t> stored(bytes), weights = {0xA5, 0x5A, 0xFF, 0x80};
    std::vector<cortex_m::FixedChannel> channels;
    for (size_t c = 0; c < count; ++c) {
      channels.push_back(extreme_channel(form, random));
      cortex_m::write_short(form, channels.back(), c, stored.data());
    }
    stored.insert(stored.end(), weights.begin(), weights.end());
    const ht_layer_dsp header = cortex_m::header_dsp(form);
    ASSERT_EQ(ht_stored_channels(&header, count, 8), bytes);
    const auto first = static_cast<size_t>(random.integer(0, static_cast<int32_t>(count) - 1));
    std::vector<ht_short_channel> read(count - first);
    ht_short_channels_dsp(&header, reinterpret_cast<const int8_t*>(stored.data()), static_cast<int32_t>(first),
                          static_cast<int32_t>(read.size()), read.data());
    for (size_t c = first; c < count; ++c) {
      SCOPED_TRACE(form.bits());
      const ht_short_channel& channel = read[c - first];
      ASSERT_EQ(channel.multiplier, channels[c].multiplier);
      ASSERT_EQ(channel.shift, channels[c].shift - 1);
      ASSERT_EQ(channel.bias, channels[c].bias);
      ASSERT_EQ(channel.zero_point, form.own_zero_points ? channels[c].zero_point : 0);
    }
  }
  for (int bits = 1; bits <= HT_MOST_SURE_BITS + 8; ++bits) EXPECT_GT(widths[bits], 0) << bits;
  EXPECT_GT(widths[32], 50);
  EXPECT_GT(widths[40], 50);
}

TEST(CortexM, Convolution) {
  Taken taken;
  ShortLayers short_layers;
  for (uint32_t seed = 0; seed < 1800; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_conv_params p{};
    p.groups = random.integer(0, 3) == 0 ? 2 : 1;
    const int32_t in = random.integer(1, 2) == 1 ? random.integer(1, 5) : random.integer(1, 80),
                  out = random.integer(0, 60) == 0 ? random.integer(370, 420) : random.integer(1, 20);
    p.batch = random.integer(1, 2);
    p.input_height = random.integer(1, 6);
    p.input_width = random.integer(1, 19);
    p.input_channels = in * p.groups;
    p.input_stride = p.input_channels + (random.coin() ? 0 : 7);
    p.output_channels = out * p.groups;
    p.output_stride = p.output_channels + (random.coin() ? 0 : 3);
    const int32_t sizes[] = {1, 1, 2, 3, 4};
    p.kernel_height = sizes[random.integer(0, 4)];
    p.kernel_width = sizes[random.integer(0, 4)];
    p.stride_height = random.integer(1, 2);
    p.stride_width = random.integer(1, 2);
    p.dilation_height = random.integer(1, 2);
    p.dilation_width = random.integer(1, 2);
    p.pad_top = p.kernel_height / 2 * random.integer(0, 2);
    p.pad_left = p.kernel_width / 2 * random.integer(0, 2);
    const bool is_padded_behind = random.integer(0, 7) == 0;
    p.output_height = is_padded_behind ? p.input_height : (p.input_height - 1) / p.stride_height + 1;
    p.output_width = is_padded_behind ? p.input_width : (p.input_width - 1) / p.stride_width + 1;
    const int32_t depth = in * p.kernel_height * p.kernel_width;
    const auto input = random.bytes(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride + 1));
    const auto weights = random_weights(random, static_cast<size_t>(depth * p.output_channels)),
               padding = random.bytes(static_cast<size_t>(p.input_channels));
    auto bias = random_biases(random, p.output_channels, 200000);
    const EpilogueData data =
        random.coin() ? short_epilogue(random, bias, depth) : random_epilogue(random, p.output_channels, depth);
    p.weights = weights.data();
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = data.view();
    count_short(p, short_layers);
    for (const CortexM cpu : kCpus)
      compare_rows<ht_conv_params>(random, cortex_m_conv_kernels(cpu), p, {input.data() + 1},
                                   static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride) * element_bytes(data),
                                   conv_units(p), taken);
  }
  expect_many(taken);
  expect_all(short_layers);
}

TEST(CortexM, Depthwise) {
  Taken taken;
  ShortLayers short_layers;
  for (uint32_t seed = 0; seed < 3600; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_depthwise_params p{};
    p.batch = random.integer(1, 2);
    p.channel_multiplier = random.integer(0, 4) == 0 ? random.integer(2, 4) : 1;
    p.input_channels = random.integer(1, 21);
    p.input_stride = p.input_channels + (random.coin() ? 0 : 5);
    const int32_t outputs = p.input_channels * p.channel_multiplier;
    p.output_stride = outputs + (random.coin() ? 0 : 3);
    p.input_height = random.integer(1, 8);
    p.input_width = random.integer(1, 10) * (random.integer(0, 9) == 0 ? 9 : 1);
    p.kernel_height = random.integer(0, 2) == 0 ? random.integer(1, 5) : 3;
    p.kernel_width = random.integer(0, 2) == 0 ? random.integer(1, 5) : 3;
    p.pad_top = p.kernel_height / 2;
    p.pad_left = p.kernel_width / 2;
    p.stride_height = random.integer(1, 2);
    p.stride_width = random.integer(1, 3);
    p.dilation_height = random.integer(0, 3) == 0 ? 2 : 1;
    p.dilation_width = random.integer(0, 3) == 0 ? 2 : 1;
    p.output_height = (p.input_height - 1) / p.stride_height + 1;
    p.output_width = (p.input_width - 1) / p.stride_width + 1;
    const auto input = random.bytes(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride + 1));
    const auto weights = random_weights(random, static_cast<size_t>(p.kernel_height * p.kernel_width * outputs));
    const auto padding = random.bytes(static_cast<size_t>(p.input_channels));
    auto bias = random_biases(random, outputs, 20000);
    const int32_t taps = p.kernel_height * p.kernel_width;
    const EpilogueData data = random.coin() ? short_epilogue(random, bias, taps) : random_epilogue(random, outputs, taps);
    p.weights = weights.data();
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = data.view();
    count_short(p, short_layers);
    for (const CortexM cpu : kCpus)
      compare_rows<ht_depthwise_params>(random, cortex_m_depthwise_kernels(cpu), p, {input.data() + 1},
                                        static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride) * element_bytes(data),
                                        depthwise_units(p), taken);
  }
  expect_many(taken);
  expect_all(short_layers);
}

}  // namespace
}  // namespace ht::test
