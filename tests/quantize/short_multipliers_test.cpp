// SPDX-License-Identifier: Apache-2.0
#include "quantize/short_multipliers.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <random>

namespace ht {
namespace {

// As ops/inner_product.cpp computes it.
float multiplier(float scale, float input, float output, bool absorbs) { return (absorbs ? input * (scale / input) : input * scale) / output; }

struct Layer {
  std::vector<float> wanted, input, output;
  std::vector<bool> varies;
};

Layer random_layer(std::mt19937& random, size_t outputs, double octaves) {
  std::uniform_real_distribution<double> exponent(-octaves, 0);
  Layer layer;
  for (size_t o = 0; o < outputs; ++o) {
    layer.wanted.push_back(static_cast<float>(0.01 * std::exp2(exponent(random))));
    layer.input.push_back(static_cast<float>(0.1 * std::exp2(exponent(random) / 8)));
    layer.output.push_back(static_cast<float>(0.3 * std::exp2(exponent(random) / 8)));
    layer.varies.push_back(random() % 8 != 0);
  }
  return layer;
}

TEST(ShortMultipliers, AreExactAndHardlyLarger) {
  std::mt19937 random(7);
  double sum = 0;
  int count = 0;
  std::array<int, 7> layers_of_bits{};
  for (int i = 0; i < 200; ++i) {
    const bool absorbs = i % 2 == 0;
    const Layer layer = random_layer(random, 1 + random() % 100, 2);
    const auto found = short_scales(layer.wanted, {layer.input, layer.output, absorbs, layer.varies});
    ASSERT_TRUE(found);
    for (size_t o = 0; o < layer.wanted.size(); ++o) {
      if (!layer.varies[o]) {
        EXPECT_EQ(found->scales[o], layer.wanted[o]);
        continue;
      }
      const ShortMultiplier m = found->multipliers[o];
      EXPECT_EQ(std::bit_width(static_cast<uint32_t>(m.significand)), found->bits);
      EXPECT_EQ(multiplier(found->scales[o], layer.input[o], layer.output[o], absorbs), std::ldexp(static_cast<float>(m.significand), m.exponent));
      EXPECT_GE(found->scales[o], layer.wanted[o] * (1 - 2e-6f));
      sum += found->scales[o] / layer.wanted[o];
      ++count;
    }
    layers_of_bits[static_cast<size_t>(found->bits)] += 1;
  }
  EXPECT_LT(sum / count, 1.14);
  EXPECT_GT(layers_of_bits[3], 190);
}

TEST(ShortMultipliers, SpanFourOctaves) {
  std::mt19937 random(8);
  for (int i = 0; i < 100; ++i) {
    const Layer layer = random_layer(random, 40, 20);
    const auto found = short_scales(layer.wanted, {layer.input, layer.output, false, layer.varies});
    ASSERT_TRUE(found);
    int least = INT32_MAX, most = INT32_MIN;
    for (size_t o = 0; o < layer.wanted.size(); ++o)
      if (layer.varies[o]) least = std::min(least, found->multipliers[o].exponent), most = std::max(most, found->multipliers[o].exponent);
    EXPECT_LT(most - least, 4);
  }
}

// Scales with which no multiplier of three bits is exact.
TEST(ShortMultipliers, TakeMoreBitsWhereThreeGiveNone) {
  const float wanted[] = {0.0162059572f, 0.0184503924f, 0.015525246f}, inputs[] = {0.0108058574f, 0.0105490563f, 0.0191923436f},
              outputs[] = {0.496420264f, 0.491790652f, 0.47401464f};
  for (int i = 0; i < 3; ++i) {
    const auto found = short_scales({wanted + i, 1}, {{inputs + i, 1}, {outputs + i, 1}, true, {true}});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->bits, 4);
    const ShortMultiplier m = found->multipliers[0];
    EXPECT_EQ(std::bit_width(static_cast<uint32_t>(m.significand)), 4);
    EXPECT_EQ(multiplier(found->scales[0], inputs[i], outputs[i], true),
              std::ldexp(static_cast<float>(m.significand), m.exponent));
  }
}

TEST(ShortMultipliers, BiasesBecomeUnitsOfAtMostAQuarterStep) {
  const ShortScales scales{{1, 1, 1}, {{5, -20}, {6, -22}, {4, -30}}, {true, true, false}, 3};
  const std::vector<int64_t> offsets = {-1000, 7, 5};
  std::vector<int32_t> biases = {1000001, -3000000, 123456789};
  shorten_biases(offsets, scales, biases);
  // 7 * 2^(15 - 20) would be less than a quarter of a step, and 2^16 times that not. The second one has units four times as
  // large.
  EXPECT_EQ((biases[0] + 1000) % (1 << 15), 0);
  EXPECT_NE((biases[0] + 1000) % (1 << 16), 0);
  EXPECT_LE(std::abs(biases[0] - 1000001), 1 << 14);
  EXPECT_EQ((biases[1] - 7) % (1 << 17), 0);
  EXPECT_LE(std::abs(biases[1] + 3000000), 1 << 16);
  EXPECT_EQ(biases[2], 123456789);
}

TEST(ShortMultipliers, BiasesStayWhereTheirUnitsWouldShow) {
  const ShortScales scales{{1, 1}, {{7, -4}, {4, -6}}, {true, true}, 3};
  std::vector<int32_t> biases = {30001, 40001};
  shorten_biases(std::vector<int64_t>{0, 0}, scales, biases);
  EXPECT_EQ(biases, (std::vector<int32_t>{30001, 40001}));
}

}  // namespace
}  // namespace ht
