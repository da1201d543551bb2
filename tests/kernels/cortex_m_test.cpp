// SPDX-License-Identifier: Apache-2.0
// Kernels for Cortex-M, compiled for this machine, give the normative kernel's bits; bench/cortex_m runs them on emulated boards.
#include "kernels/cortex_m/registry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <string_view>

#include "kernels/c/ht_requantize.h"
#include "kernels/cortex_m/pack.h"
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
  const Int8Output output{random.bytes(static_cast<size_t>(channels)), {static_cast<int8_t>(bounded ? -90 : -128)}, {static_cast<int8_t>(bounded ? 80 : 127)}};
  std::vector<double> in, out, ratio;
  for (int32_t c = 0; c < channels; ++c) {
    in.push_back(random.real(0.1, 2) * 0.001 / std::sqrt(depth));
    out.push_back(random.real(0.01, 0.1));
    ratio.push_back(random.integer(0, 20) == 0 ? 1e-12 : random.real(0.1, 2) * (large ? 0.3 : 0.01 / std::sqrt(depth)));
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
  int exact = 0;
  for (int layer = 0; layer < 20000; ++layer) {
    const int32_t fixed = random.integer(1 << 30, INT32_MAX) * (random.integer(0, 9) == 0 ? -1 : 1), shift = random.integer(-31, 8);
    const int64_t largest = random.integer(1, 1 << random.integer(1, 30));
    const int8_t zero_point = random.bytes(1)[0], minimum = -128, maximum = 127;
    ht_epilogue e{};
    e.output = HT_OUTPUT_S8;
    e.policy = HT_FIXED_SINGLE;
    e.multiplier = {nullptr, &fixed, &shift};
    e.zero_point = &zero_point, e.minimum = &minimum, e.maximum = &maximum;
    const cortex_m::FixedLayer packed = cortex_m::fixed_layer(e, {largest});
    if (!packed.exact) continue;
    ++exact;
    const int32_t bias = 0, bound = static_cast<int32_t>(largest);
    const ht_channel_dsp dsp = cortex_m::packed_channel(&bias, e, packed, 0, 1);
    const ht_block_mve mve = cortex_m::packed_block(&bias, e, packed, 0, 1);
    for (int i = 0; i < 60; ++i) {
      const int32_t x = i == 0 ? bound : (i == 1 ? -bound : random.integer(-bound, bound) >> random.integer(0, 20));
      const int32_t wanted = ht_clamp(ht_requantize_single(x, fixed, shift, -(1 << 30), 1 << 30) + zero_point, minimum, maximum);
      ASSERT_EQ(ht_requantize_dsp(x, packed.lift, &dsp), wanted) << x << " * " << fixed << ", shift " << shift;
      ASSERT_EQ(ht_requantize_mve(x, packed.lift, &mve, 0), wanted) << x << " * " << fixed << ", shift " << shift;
    }
  }
  EXPECT_GT(exact, 10000);
}

TEST(CortexM, Convolution) {
  Taken taken;
  for (uint32_t seed = 0; seed < 1200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_conv_params p{};
    p.groups = random.integer(0, 3) == 0 ? 2 : 1;
    const int32_t in = random.integer(1, 2) == 1 ? random.integer(1, 5) : random.integer(1, 80), out = random.integer(1, 20);
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
    p.output_height = (p.input_height - 1) / p.stride_height + 1;
    p.output_width = (p.input_width - 1) / p.stride_width + 1;
    const int32_t depth = in * p.kernel_height * p.kernel_width;
    const auto input = random.bytes(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride + 1));
    const auto weights = random_weights(random, static_cast<size_t>(depth * p.output_channels)),
               padding = random.bytes(static_cast<size_t>(p.input_channels));
    const auto bias = random.integers(static_cast<size_t>(p.output_channels), -200000, 200000);
    const EpilogueData data = random_epilogue(random, p.output_channels, depth);
    p.weights = weights.data();
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = data.view();
    for (const CortexM cpu : kCpus)
      compare_rows<ht_conv_params>(random, cortex_m_conv_kernels(cpu), p, {input.data() + 1},
                                   static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride) * element_bytes(data),
                                   conv_units(p), taken);
  }
  expect_many(taken);
}

TEST(CortexM, Depthwise) {
  Taken taken;
  for (uint32_t seed = 0; seed < 1200; ++seed) {
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
    const auto bias = random.integers(static_cast<size_t>(outputs), -20000, 20000);
    const EpilogueData data = random_epilogue(random, outputs, p.kernel_height * p.kernel_width);
    p.weights = weights.data();
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = data.view();
    for (const CortexM cpu : kCpus)
      compare_rows<ht_depthwise_params>(random, cortex_m_depthwise_kernels(cpu), p, {input.data() + 1},
                                        static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride) * element_bytes(data),
                                        depthwise_units(p), taken);
  }
  expect_many(taken);
}

}  // namespace
}  // namespace ht::test
