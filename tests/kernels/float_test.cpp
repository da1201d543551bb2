// SPDX-License-Identifier: Apache-2.0
// Float kernels against sums in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/epilogue.h"
#include "kernels/registry.h"
#include "random.h"

namespace ht::test {
namespace {

TEST(ConvolutionF32, EqualsItsDefinition) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_conv_f32_params p{};
    p.groups = random.integer(1, 2);
    const int32_t in = random.integer(1, 9), out = random.integer(1, 5);
    p.batch = 2;
    p.input_height = random.integer(3, 7);
    p.input_width = random.integer(3, 7);
    p.input_channels = p.input_stride = in * p.groups;
    p.output_channels = p.output_stride = out * p.groups;
    p.kernel_height = random.integer(1, 3);
    p.kernel_width = random.integer(1, 3);
    p.stride_height = random.integer(1, 2);
    p.stride_width = p.dilation_height = p.dilation_width = 1;
    p.pad_top = p.pad_left = 1;
    p.output_height = (p.input_height + 2 - p.kernel_height) / p.stride_height + 1;
    p.output_width = p.input_width + 2 - p.kernel_width + 1;
    p.minimum = -1;
    p.maximum = 2;
    const int32_t depth = p.kernel_height * p.kernel_width * in;
    const auto input = random.floats(static_cast<size_t>(2 * p.input_height * p.input_width * p.input_stride), -1, 1);
    const auto weights = random.floats(static_cast<size_t>(p.output_channels * depth), -1, 1);
    const auto bias = random.floats(static_cast<size_t>(p.output_channels), -1, 1);
    p.weights = weights.data();
    if (random.coin()) p.bias = bias.data();
    std::vector<float> output(static_cast<size_t>(2 * p.output_height * p.output_width * p.output_stride));
    std::vector<float> scratch(ht_conv_f32_scratch(&p) / sizeof(float));
    const ht_arguments arguments{{input.data()}, output.data(), scratch.data()};
    ht_conv_f32(&p, &arguments, 0, ht_conv_f32_units(&p));
    size_t at = 0;
    for (int row = 0; row < 2 * p.output_height; ++row)
      for (int ox = 0; ox < p.output_width; ++ox)
        for (int o = 0; o < p.output_channels; ++o, ++at) {
          double sum = p.bias ? static_cast<double>(bias[static_cast<size_t>(o)]) : 0;
          for (int k = 0; k < depth; ++k) {
            const int y = row % p.output_height * p.stride_height - 1 + k / in / p.kernel_width,
                      x = ox - 1 + k / in % p.kernel_width;
            if (y < 0 || x < 0 || y >= p.input_height || x >= p.input_width) continue;
            sum += static_cast<double>(weights[static_cast<size_t>(o * depth + k)]) *
                   static_cast<double>(input[static_cast<size_t>(
                       ((row / p.output_height * p.input_height + y) * p.input_width + x) * p.input_stride + o / out * in +
                       k % in)]);
          }
          ASSERT_NEAR(output[at], std::clamp(sum, -1.0, 2.0), 1e-5);
        }
  }
}

TEST(DepthwiseF32, EqualsItsDefinition) {
  Random random(1);
  ht_depthwise_f32_params p{1, 5, 6, 7, 7, 3, 6, 14, 2, 3, 3, 2, 1, 1, 1, 1, 1, nullptr, nullptr, -100, 100};
  const auto input = random.floats(5 * 6 * 7, -1, 1), weights = random.floats(9 * 14, -1, 1), bias = random.floats(14, -1, 1);
  p.weights = weights.data();
  p.bias = bias.data();
  std::vector<float> output(3 * 6 * 14);
  const ht_arguments arguments{{input.data()}, output.data(), nullptr};
  ht_depthwise_f32(&p, &arguments, 0, ht_depthwise_f32_units(&p));
  for (int oy = 0; oy < 3; ++oy)
    for (int ox = 0; ox < 6; ++ox)
      for (int o = 0; o < 14; ++o) {
        double sum = static_cast<double>(bias[static_cast<size_t>(o)]);
        for (int t = 0; t < 9; ++t) {
          const int y = oy * 2 - 1 + t / 3, x = ox - 1 + t % 3;
          if (y >= 0 && x >= 0 && y < 5 && x < 6)
            sum += static_cast<double>(weights[static_cast<size_t>(t * 14 + o)]) *
                   static_cast<double>(input[static_cast<size_t>((y * 6 + x) * 7 + o / 2)]);
        }
        ASSERT_NEAR(output[static_cast<size_t>((oy * 6 + ox) * 14 + o)], sum, 1e-5);
      }
}

TEST(MatrixProductF32, EqualsItsDefinition) {
  Random random(2);
  const auto a = random.floats(2 * 5 * 37, -1, 1), b = random.floats(2 * 7 * 37, -1, 1), bias = random.floats(7, -1, 1);
  std::vector<float> output(2 * 5 * 7);
  const ht_gemm_f32_params p{2, 5, 7, 37, 37, 37, 7, 5 * 37, 7 * 37, 35, 0.5f, 2.0f, nullptr, bias.data()};
  const ht_arguments arguments{{a.data(), b.data()}, output.data(), nullptr};
  ht_gemm_f32(&p, &arguments, 0, ht_gemm_f32_units(&p));
  for (size_t i = 0; i < output.size(); ++i) {
    const size_t batch = i / 35, m = i / 7 % 5, n = i % 7;
    double sum = 0;
    for (size_t k = 0; k < 37; ++k)
      sum += static_cast<double>(a[(batch * 5 + m) * 37 + k]) * static_cast<double>(b[(batch * 7 + n) * 37 + k]);
    EXPECT_NEAR(output[i], 0.5 * sum + 2 * static_cast<double>(bias[n]), 1e-5);
  }
}

TEST(SumsF32, FollowTheStatedOrder) {
  Random random(3);
  const auto x = random.floats(101, -100, 100);
  float lanes[16] = {};
  for (size_t i = 0; i < x.size(); ++i) lanes[i % 16] += x[i];
  for (size_t width = 8; width > 0; width /= 2)
    for (size_t l = 0; l < width; ++l) lanes[l] += lanes[l + width];
  float sum = 0;
  const ht_reduce_f32_params p{HT_REDUCE_SUM, 1, 101, 1};
  const ht_arguments arguments{{x.data()}, &sum, nullptr};
  ht_reduce_f32(&p, &arguments, 0, 1);
  EXPECT_EQ(sum, lanes[0]);
}

TEST(ReduceF32, EveryKind) {
  Random random(4);
  const auto x = random.floats(2 * 9 * 3, 0.1, 2);
  for (int32_t kind = HT_REDUCE_SUM; kind <= HT_REDUCE_LOG_SUM_EXP; ++kind) {
    std::vector<float> output(6);
    const ht_reduce_f32_params p{kind, 2, 9, 3};
    const ht_arguments arguments{{x.data()}, output.data(), nullptr};
    ht_reduce_f32(&p, &arguments, 0, 6);
    for (size_t i = 0; i < 6; ++i) {
      double sum = 0, squares = 0, product = 1, most = -1e9, least = 1e9, exponentials = 0;
      for (size_t n = 0; n < 9; ++n) {
        const auto v = static_cast<double>(x[(i / 3 * 9 + n) * 3 + i % 3]);
        sum += v, squares += v * v, product *= v, exponentials += std::exp(v);
        most = std::max(most, v), least = std::min(least, v);
      }
      const double expected[] = {
          sum, sum / 9, most, least, product, sum, std::sqrt(squares), squares, std::log(sum), std::log(exponentials)};
      EXPECT_NEAR(output[i], expected[kind], 1e-5 * (1 + std::abs(expected[kind]))) << kind;
    }
  }
}

TEST(SoftmaxF32, SumsToOneAlongTheAxis) {
  Random random(5);
  const auto x = random.floats(60 * 21, -30, 30);
  for (const int32_t inner : {1, 2, 20})
    for (const int32_t logarithm : {0, 1}) {
      std::vector<float> output(x.size());
      const ht_softmax_f32_params p{static_cast<int32_t>(x.size()) / 21 / inner, 21, inner, logarithm};
      const ht_arguments arguments{{x.data()}, output.data(), nullptr};
      ht_softmax_f32(&p, &arguments, 0, ht_softmax_f32_units(&p));
      for (size_t unit = 0; unit < 60; ++unit) {
        const size_t step = static_cast<size_t>(inner), first = unit / step * 21 * step + unit % step;
        double sum = 0;
        for (size_t n = 0; n < 21; ++n) sum += std::exp(static_cast<double>(x[first + n * step]));
        for (size_t n = 0; n < 21; ++n) {
          const double expected = static_cast<double>(x[first + n * step]) - std::log(sum);
          EXPECT_NEAR(output[first + n * step], logarithm ? expected : std::exp(expected), logarithm ? 1e-5 : 1e-6);
        }
      }
    }
}

TEST(UnaryF32, AgreesWithDouble) {
  Random random(6);
  const auto x = random.floats(3000, -12, 12);
  for (const ActivationFunction f : {ActivationFunction{HT_RELU},
                                     {HT_CLIP, -1, 3},
                                     {HT_LEAKY_RELU, 0.1f},
                                     {HT_SIGMOID},
                                     {HT_TANH},
                                     {HT_SILU},
                                     {HT_HARD_SWISH},
                                     {HT_HARD_SIGMOID, 0.2f, 0.5f},
                                     {HT_EXP},
                                     {HT_GELU},
                                     {HT_GELU_TANH},
                                     {HT_ELU, 0.7f},
                                     {HT_SOFTPLUS},
                                     {HT_MISH}}) {
    std::vector<float> output(x.size());
    const ht_unary_f32_params p{f.kind, static_cast<int32_t>(x.size()), f.alpha, f.beta};
    const ht_arguments arguments{{x.data()}, output.data(), nullptr};
    ht_unary_f32(&p, &arguments, 1, ht_unary_f32_units(&p));
    ht_unary_f32(&p, &arguments, 0, 1);
    for (size_t i = 0; i < x.size(); ++i) {
      const double exact = evaluate_activation(f, static_cast<double>(x[i]));
      ASSERT_NEAR(output[i], exact, 1e-6 * (1 + std::abs(exact))) << f.kind << " of " << x[i];
    }
  }
}

}  // namespace
}  // namespace ht::test
