// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/epilogue.h"
#include "kernels/registry.h"
#include "random.h"

namespace ht::test {
namespace {

template <class Params>
void random_pool(Random& random, Params& p) {
  p.kind = random.integer(HT_POOL_MAX, HT_POOL_AVERAGE);
  p.batch = random.integer(1, 2);
  p.kernel_height = random.integer(1, 4);
  p.kernel_width = random.integer(1, 4);
  p.dilation_height = random.integer(1, 2);
  p.dilation_width = random.integer(1, 2);
  p.stride_height = random.integer(1, 3);
  p.stride_width = random.integer(1, 3);
  const int32_t tall = (p.kernel_height - 1) * p.dilation_height + 1, wide = (p.kernel_width - 1) * p.dilation_width + 1;
  p.input_height = random.integer(tall, tall + 6);
  p.input_width = random.integer(wide, wide + 6);
  p.pad_top = random.integer(0, p.kernel_height - 1);
  p.pad_left = random.integer(0, p.kernel_width - 1);
  p.pad_bottom = random.integer(0, p.kernel_height - 1);
  p.pad_right = random.integer(0, p.kernel_width - 1);
  p.output_height = (p.input_height + p.pad_top + p.pad_bottom - tall) / p.stride_height + 1;
  p.output_width = (p.input_width + p.pad_left + p.pad_right - wide) / p.stride_width + 1;
  p.channels = random.integer(1, 40);
  p.input_stride = p.channels + random.integer(0, 3);
  p.output_stride = p.channels;
  p.count_padding = random.integer(0, 1);
}

// Calls visit(value) for the window's taps inside of the input; returns the divisor.
template <class Params, class T, class Visit>
int window(const Params& p, const std::vector<T>& input, int b, int oy, int ox, int c, Visit visit) {
  int inside = 0, padded = 0;
  for (int ky = 0; ky < p.kernel_height; ++ky)
    for (int kx = 0; kx < p.kernel_width; ++kx) {
      const int y = oy * p.stride_height - p.pad_top + ky * p.dilation_height;
      const int x = ox * p.stride_width - p.pad_left + kx * p.dilation_width;
      if (y < p.input_height + p.pad_bottom && x < p.input_width + p.pad_right) ++padded;
      if (y < 0 || x < 0 || y >= p.input_height || x >= p.input_width) continue;
      ++inside;
      visit(input[static_cast<size_t>(((b * p.input_height + y) * p.input_width + x) * p.input_stride + c)]);
    }
  return p.count_padding ? padded : inside;
}

template <class Params, class Visit>
void for_each_output(const Params& p, Visit visit) {
  for (int b = 0; b < p.batch; ++b)
    for (int oy = 0; oy < p.output_height; ++oy)
      for (int ox = 0; ox < p.output_width; ++ox)
        for (int c = 0; c < p.channels; ++c)
          visit(b, oy, ox, c, static_cast<size_t>(((b * p.output_height + oy) * p.output_width + ox) * p.output_stride + c));
}

// x * m * 2^(shift - 31), rounded half up; or, as gemmlowp has it, to 31 bits half up and then half away from zero.
double fixed_point(double x, int32_t m, int32_t shift, bool twice) {
  if (!twice) return std::floor(std::ldexp(x * m, shift - 31) + 0.5);
  const double first = std::floor(std::ldexp(x * m, std::max(shift, 0) - 31) + 0.5);
  return std::round(std::ldexp(first, std::min(shift, 0)));
}

TEST(Pool, EqualsItsDefinition) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_pool_params p{};
    random_pool(random, p);
    const Policy policies[] = {Policy::kFloatHalfEven, Policy::kFixedSingle, Policy::kFixedDouble};
    const Policy policy = policies[random.integer(0, 2)];
    p.channel_step = policy == Policy::kFloatHalfEven || random.coin() ? 1 : 0;
    const auto channels = static_cast<size_t>(p.channels), entries = p.channel_step ? channels : 1;
    const auto zero_in = random.bytes(entries), zero_out = random.bytes(entries);
    std::vector<double> ratio(entries);
    for (double& r : ratio) r = static_cast<double>(static_cast<float>(random.real(0.3, 1.5)));
    const EpilogueData data = *int8_epilogue(policy, static_cast<int32_t>(entries), ratio, {zero_out, {-128}, {127}});
    p.input_zero_point = zero_in.data();
    p.epilogue = data.view();
    const auto input = random.bytes(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride));
    std::vector<int8_t> output(static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride));
    std::vector<int32_t> scratch(channels);
    const ht_arguments arguments{{input.data()}, output.data(), scratch.data()};
    ht_pool(&p, &arguments, 0, ht_pool_units(&p));
    for_each_output(p, [&](int b, int oy, int ox, int c, size_t at) {
      int sum = 0, most = -128;
      const int count = std::max(1, window(p, input, b, oy, ox, c, [&](int8_t q) {
                                   sum += q - zero_in[static_cast<size_t>(c * p.channel_step)];
                                   most = std::max<int>(most, q);
                                 }));
      if (p.kind == HT_POOL_MAX) {
        ASSERT_EQ(output[at], most);
      } else {
        const auto i = static_cast<size_t>(c * p.channel_step);
        const float mean = static_cast<float>(sum) / static_cast<float>(count) * static_cast<float>(ratio[i]);
        const double exact = std::clamp<double>(std::nearbyint(mean) + static_cast<float>(zero_out[i]), -128, 127);
        if (policy == Policy::kFloatHalfEven) {
          ASSERT_EQ(output[at], exact);
        } else {  // eight fraction bits decide which side of a tie the mean is on
          const ht_multiplier& m = p.epilogue.multiplier;
          const double value = fixed_point(std::round(256.0 * sum / count), m.fixed[i], m.shift[i] - 8, policy == Policy::kFixedDouble);
          ASSERT_EQ(output[at], std::clamp(value + zero_out[i], -128.0, 127.0));
          ASSERT_NEAR(output[at], std::clamp(static_cast<double>(sum) / count * ratio[i] + zero_out[i], -128.0, 127.0), 0.508);
        }
      }
    });
  }
}

// Sums near the ends of 32 bits, whose multiples would leave them.
TEST(Pool, MeansOfLargeWindows) {
  for (const int32_t size : {1, 2, 3, 255, 1000, 2901}) {
    for (const int8_t value : {int8_t{-128}, int8_t{-1}, int8_t{127}}) {
      SCOPED_TRACE(size * value);
      const int8_t zero_in = static_cast<int8_t>(value > 0 ? -128 : 127), zero_out = 3;
      const double ratio = 0.25;
      const EpilogueData data = *int8_epilogue(Policy::kFixedSingle, 1, {ratio}, {{zero_out}, {-128}, {127}});
      ht_pool_params p{HT_POOL_AVERAGE, 1, size, size, 1, 1, 1, 1, 1, size, size, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, &zero_in, data.view()};
      const std::vector<int8_t> input(static_cast<size_t>(size) * static_cast<size_t>(size), value);
      int8_t output = 0;
      int32_t scratch = 0;
      const ht_arguments arguments{{input.data()}, &output, &scratch};
      ht_pool(&p, &arguments, 0, 1);
      EXPECT_EQ(output, std::clamp<double>(std::floor((value - zero_in) * ratio + 0.5) + zero_out, -128, 127));
    }
  }
}

// Ratios of which nothing is left, down to the smallest that have a multiplier.
TEST(Pool, MeansAtTinyRatios) {
  for (const Policy policy : {Policy::kFixedSingle, Policy::kFixedDouble}) {
    for (int exponent = -32; exponent <= -6; ++exponent) {
      for (const int8_t value : {int8_t{-128}, int8_t{127}}) {
        SCOPED_TRACE(exponent);
        const int8_t zero_in = static_cast<int8_t>(value > 0 ? -128 : 127), zero_out = 3;
        const double ratio = std::ldexp(1.0, exponent);
        const EpilogueData data = *int8_epilogue(policy, 1, {ratio}, {{zero_out}, {-128}, {127}});
        const ht_pool_params p{HT_POOL_AVERAGE, 1, 2, 2, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, &zero_in, data.view()};
        const std::vector<int8_t> input(4, value);
        int8_t output = 0;
        int32_t scratch = 0;
        const ht_arguments arguments{{input.data()}, &output, &scratch};
        ht_pool(&p, &arguments, 0, 1);
        EXPECT_EQ(output, std::round((value - zero_in) * ratio) + zero_out);
      }
    }
  }
}

TEST(PoolF32, EqualsItsDefinition) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_pool_f32_params p{};
    random_pool(random, p);
    const auto input = random.floats(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride), -5, 5);
    std::vector<float> output(static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride));
    const ht_arguments arguments{{input.data()}, output.data(), nullptr};
    ht_pool_f32(&p, &arguments, 0, ht_pool_f32_units(&p));
    for_each_output(p, [&](int b, int oy, int ox, int c, size_t at) {
      double sum = 0;
      float most = -1e30f;
      const int count = std::max(1, window(p, input, b, oy, ox, c, [&](float x) {
                                   sum += static_cast<double>(x);
                                   most = std::max(most, x);
                                 }));
      if (p.kind == HT_POOL_AVERAGE) {
        ASSERT_NEAR(output[at], sum / count, 1e-5);
      } else if (most > -1e30f) {
        ASSERT_EQ(output[at], most);
      }
    });
  }
}

}  // namespace
}  // namespace ht::test
