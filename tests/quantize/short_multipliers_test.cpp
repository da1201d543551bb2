// SPDX-License-Identifier: Apache-2.0
#include "quantize/short_multipliers.h"

#include <gtest/gtest.h>

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
  for (int i = 0; i < 200; ++i) {
    const bool absorbs = i % 2 == 0;
    const Layer layer = random_layer(random, 1 + random() % 100, 4);
    const auto found = short_scales(layer.wanted, {layer.input, layer.output, absorbs, layer.varies});
    ASSERT_TRUE(found);
    for (size_t o = 0; o < layer.wanted.size(); ++o) {
      if (!layer.varies[o]) {
        EXPECT_EQ(found->scales[o], layer.wanted[o]);
        continue;
      }
      const ShortMultiplier m = found->multipliers[o];
      EXPECT_TRUE(m.significand >= 32 && m.significand <= 63);
      EXPECT_EQ(multiplier(found->scales[o], layer.input[o], layer.output[o], absorbs), std::ldexp(static_cast<float>(m.significand), m.exponent));
      EXPECT_GE(found->scales[o], layer.wanted[o] * (1 - 2e-6f));
      sum += found->scales[o] / layer.wanted[o];
      ++count;
    }
  }
  EXPECT_LT(sum / count, 1.03);
}

TEST(ShortMultipliers, SpanEightOctaves) {
  std::mt19937 random(8);
  for (int i = 0; i < 100; ++i) {
    const Layer layer = random_layer(random, 40, 20);
    const auto found = short_scales(layer.wanted, {layer.input, layer.output, false, layer.varies});
    ASSERT_TRUE(found);
    int least = INT32_MAX, most = INT32_MIN;
    for (size_t o = 0; o < layer.wanted.size(); ++o)
      if (layer.varies[o]) least = std::min(least, found->multipliers[o].exponent), most = std::max(most, found->multipliers[o].exponent);
    EXPECT_LT(most - least, 8);
  }
}

TEST(ShortMultipliers, BiasesBecomeSixteenBitsOfUnits) {
  const ShortScales scales{{1, 1, 1}, {{40, -20}, {50, -23}, {32, -30}}, {true, true, false}};
  const std::vector<int64_t> offsets = {-1000, 7, 5};
  std::vector<int32_t> biases = {1000001, -3000000, 123456789};
  shorten_biases(offsets, scales, biases);
  // The second one has units eight times as large; it needs 2^4 to have 16 bits of them, the first one 2^5.
  EXPECT_EQ((biases[0] + 1000) % 32, 0);
  EXPECT_LE(std::abs(biases[0] - 1000001), 16);
  EXPECT_EQ((biases[1] - 7) % 256, 0);
  EXPECT_LE(std::abs(biases[1] + 3000000), 128);
  EXPECT_EQ(biases[2], 123456789);
}

TEST(ShortMultipliers, BiasesStayWhereTheirUnitsWouldShow) {
  const ShortScales scales{{1}, {{63, -8}}, {true}};  // a quarter of an output's step
  std::vector<int32_t> few = {30000}, many = {40001};
  shorten_biases(std::vector<int64_t>{0}, scales, few);
  shorten_biases(std::vector<int64_t>{0}, scales, many);
  EXPECT_EQ(few[0], 30000);
  EXPECT_EQ(many[0], 40001);
}

}  // namespace
}  // namespace ht
