// SPDX-License-Identifier: Apache-2.0
#include "quantize/weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace ht {
namespace {

std::vector<float> random_weights(unsigned seed, size_t size, bool heavy_tail = true) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> weights(size);
  for (float& w : weights) {
    w = normal(random);
    if (heavy_tail) w *= std::abs(w);
  }
  return weights;
}

double squared_error(const std::vector<double>& weights, double scale, int least, int greatest) {
  double sum = 0;
  for (double w : weights)
    sum +=
        std::pow(std::clamp(std::nearbyint(w / scale), static_cast<double>(least), static_cast<double>(greatest)) * scale - w, 2);
  return sum;
}

TEST(Weights, MaxCoversEveryChannelAndRoundsHalfToEven) {
  const std::vector<float> weights = {127, 0.5f, 1.5f, -2.5f, -254, 1, 3, 5};
  WeightRequest request{WeightScale::kMax};
  const auto quantized = quantize_weights(weights, {2, 4}, request);
  ASSERT_TRUE(quantized);
  EXPECT_EQ(quantized->scales, (std::vector<float>{1, 2}));
  EXPECT_EQ(quantized->values, (std::vector<int8_t>{127, 0, 2, -2, -127, 0, 2, 2}));
  request.per_channel = false;
  EXPECT_EQ(quantize_weights(weights, {2, 4}, request)->scales, (std::vector<float>{2}));
  request.least = -128;
  EXPECT_EQ(quantize_weights(std::vector<float>{-128, 100}, {1, 2}, request)->scales, (std::vector<float>{1}));
}

TEST(Weights, LeastErrorIsNearlyTheBestOfAFineGrid) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const std::vector<float> weights = random_weights(seed, 72);
    const auto least_error = quantize_weights(weights, {1, 8, 3, 3}, {});
    WeightRequest by_max{WeightScale::kMax};
    const auto covering = quantize_weights(weights, {1, 8, 3, 3}, by_max);
    ASSERT_TRUE(least_error && covering);
    const std::vector<double> exact(weights.begin(), weights.end());
    double best = INFINITY;
    for (int i = 0; i <= 1000; ++i)
      best = std::min(best, squared_error(exact, covering->scales[0] * (1 - 0.2 * i / 1000), -127, 127));
    const double found = squared_error(exact, least_error->scales[0], -127, 127);
    EXPECT_LE(found, best * 1.05);
    EXPECT_LE(found, squared_error(exact, covering->scales[0], -127, 127));
  }
}

TEST(Weights, AbsorbTheScalesOfTheirInput) {
  const size_t outputs = 6, inputs = 4, taps = 9;
  const std::vector<float> weights = random_weights(40, outputs * inputs * taps);
  std::vector<float> scales, scaled = weights;
  for (size_t c = 0; c < 2 * inputs; ++c) scales.push_back(0.01f * static_cast<float>(1 + c * c));
  for (size_t i = 0; i < scaled.size(); ++i) {
    const size_t output = i / (inputs * taps), channel = (output / 3) * inputs + i / taps % inputs;
    scaled[i] = weights[i] * scales[channel];
  }
  WeightRequest request;
  request.groups = 2;
  const auto plain = quantize_weights(scaled, {6, 4, 3, 3}, request);
  request.input_scales = scales;
  const auto absorbed = quantize_weights(weights, {6, 4, 3, 3}, request);
  ASSERT_TRUE(plain && absorbed);
  for (size_t o = 0; o < outputs; ++o) EXPECT_NEAR(absorbed->scales[o], plain->scales[o], plain->scales[o] * 0.01);
  for (size_t i = 0; i < weights.size(); ++i) {
    const double step = absorbed->scales[i / (inputs * taps)], exact = scaled[i];
    const double clipped = std::clamp(exact, -127 * step, 127 * step);
    EXPECT_LE(std::abs(absorbed->values[i] * step - clipped), 0.501 * step);
  }
}

TEST(Weights, OutputAxisNeedNotBeTheFirst) {
  const std::vector<float> weights = random_weights(41, 5 * 7);
  std::vector<float> transposed(weights.size());
  for (size_t i = 0; i < 5; ++i) {
    for (size_t o = 0; o < 7; ++o) transposed[o * 5 + i] = weights[i * 7 + o];
  }
  const std::vector<float> scales = {1, 2, 3, 4, 5};
  WeightRequest request;
  request.input_scales = scales;
  const auto straight = quantize_weights(transposed, {7, 5}, request);
  request.output_axis = 1;
  request.input_axis = 0;
  const auto turned = quantize_weights(weights, {5, 7}, request);
  ASSERT_TRUE(straight && turned);
  EXPECT_EQ(turned->scales, straight->scales);
  for (size_t i = 0; i < 5; ++i) {
    for (size_t o = 0; o < 7; ++o) EXPECT_EQ(turned->values[i * 7 + o], straight->values[o * 5 + i]);
  }
}

TEST(Weights, ScalesAreNormalWhateverTheWeights) {
  const std::vector<float> weights = {0, 0, 1e-45f, 0, 3.4e38f, -3.4e38f};
  for (WeightScale scale : {WeightScale::kMax, WeightScale::kMse}) {
    const auto quantized = quantize_weights(weights, {3, 2}, {scale});
    ASSERT_TRUE(quantized);
    for (float s : quantized->scales) EXPECT_TRUE(std::isnormal(s));
    if (scale == WeightScale::kMax) {
      EXPECT_EQ(quantized->scales[0], quantized->scales[2]);
    }
    EXPECT_EQ(quantized->values[4], 127);
    const auto zeros = quantize_weights(std::vector<float>(4), {2, 2}, {scale});
    ASSERT_TRUE(zeros);
    EXPECT_EQ(zeros->scales, (std::vector<float>{1, 1}));
  }
}

TEST(Weights, RefusesWhatItCannotQuantize) {
  EXPECT_FALSE(quantize_weights(std::vector<float>{1, NAN}, {1, 2}, {}));
  EXPECT_FALSE(quantize_weights(std::vector<float>{1, INFINITY}, {1, 2}, {}));
  EXPECT_FALSE(quantize_weights(std::vector<float>{1, 2}, {1, 3}, {}));
  WeightRequest request;
  request.output_axis = 2;
  EXPECT_FALSE(quantize_weights(std::vector<float>{1, 2}, {1, 2}, request));
  const std::vector<float> scales = {1, 2, 3};
  request.output_axis = 0;
  request.input_scales = scales;
  EXPECT_FALSE(quantize_weights(std::vector<float>{1, 2}, {1, 2}, request));
  request.groups = 0;
  EXPECT_FALSE(quantize_weights(std::vector<float>{1, 2}, {1, 2}, request));
  const std::vector<float> enormous = {3e38f, 3e38f};
  request.groups = 1;
  request.input_scales = enormous;
  EXPECT_FALSE(quantize_weights(std::vector<float>{1e38f, 1e38f}, {1, 2}, request));
}

// Multiples of weights [outputs, inputs, taps...] by tap and block of inputs.
TEST(Weights, BlocksShareAMultipleThatIsExact) {
  for (const Shape& shape : {Shape{5, 70, 1, 1}, Shape{3, 33, 3, 2}, Shape{4, 20, 3, 3}, Shape{6, 96}}) {
    SCOPED_TRACE(shape_text(shape));
    const auto weights = random_weights(11, static_cast<size_t>(element_count(shape)));
    WeightRequest request;
    request.least = -8;
    request.greatest = 7;
    request.block = 32;
    const auto quantized = quantize_weights(weights, shape, request);
    ASSERT_TRUE(quantized) << quantized.error().text();
    ASSERT_EQ(quantized->multiples.size(), weights.size());
    const auto inputs = static_cast<size_t>(shape[1]), taps = weights.size() / static_cast<size_t>(shape[0] * shape[1]);
    std::vector<int> divisors(static_cast<size_t>(shape[0]));
    for (size_t i = 0; i < weights.size(); ++i) {
      const size_t output = i / taps / inputs, input = i / taps % inputs, first = i - input % 32 * taps;
      const int multiple = quantized->multiples[i];
      divisors[output] = std::gcd(divisors[output], multiple);
      EXPECT_EQ(multiple, quantized->multiples[first]);
      EXPECT_TRUE(multiple >= 1 && multiple <= 16) << multiple;
      const double scale = quantized->scales[output];
      EXPECT_EQ(static_cast<double>(static_cast<float>(multiple) * quantized->scales[output]), multiple * scale);
      EXPECT_EQ(quantized->values[i], std::clamp(std::nearbyint(weights[i] / (multiple * scale)), -8.0, 7.0));
    }
    EXPECT_EQ(divisors, std::vector<int>(divisors.size(), 1));
  }
}

TEST(Weights, BlocksHaveNearlyTheLeastErrorOfAFineGrid) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const auto weights = random_weights(seed, 128);
    WeightRequest request;
    request.least = -7;
    request.greatest = 7;
    const auto whole = quantize_weights(weights, {1, 128}, request);
    request.block = 32;
    const auto blocks = quantize_weights(weights, {1, 128}, request);
    ASSERT_TRUE(whole && blocks);
    double found = 0, best = INFINITY;
    std::vector<std::vector<double>> parts;
    for (size_t first = 0; first < 128; first += 32) {
      parts.emplace_back(weights.begin() + static_cast<std::ptrdiff_t>(first), weights.begin() + static_cast<std::ptrdiff_t>(first) + 32);
      found += squared_error(parts.back(), blocks->scales[0] * blocks->multiple(first), -7, 7);
    }
    const double widest = std::abs(*std::ranges::max_element(weights, {}, [](float w) { return std::abs(w); })) / 7;
    for (int i = 1; i <= 500; ++i) {
      double sum = 0;
      for (const auto& part : parts) {
        double least = INFINITY;
        for (int multiple = 1; multiple <= 16; ++multiple) least = std::min(least, squared_error(part, widest * i / 500 / 4 * multiple, -7, 7));
        sum += least;
      }
      best = std::min(best, sum);
    }
    EXPECT_LE(found, best * 1.03);  // what the candidates of the scale leave
    EXPECT_LT(found, squared_error({weights.begin(), weights.end()}, whole->scales[0], -7, 7));
  }
}

TEST(Weights, BlocksWithoutASearchSaturateNowhere) {
  const auto weights = random_weights(3, 4 * 50 * 9);
  WeightRequest request{WeightScale::kMax};
  request.least = -7;
  request.greatest = 7;
  request.block = 32;
  const auto quantized = quantize_weights(weights, {4, 50, 3, 3}, request);
  ASSERT_TRUE(quantized);
  for (size_t i = 0; i < weights.size(); ++i) {
    const double scale = quantized->scales[i / 450] * quantized->multiple(i);
    EXPECT_LE(std::abs(quantized->values[i] * scale - static_cast<double>(weights[i])), scale / 2 * (1 + 1e-6)) << i;
  }
}

TEST(Weights, BlocksOfZerosAndTinyNumbersKeepTheirScales) {
  std::vector<float> weights(3 * 64, 0.0f);
  std::fill(weights.begin() + 64, weights.begin() + 128, 1e-30f);
  weights[128] = 1;
  WeightRequest request;
  request.least = -7;
  request.greatest = 7;
  request.block = 32;
  const auto quantized = quantize_weights(weights, {3, 64}, request);
  ASSERT_TRUE(quantized);
  for (float scale : quantized->scales) EXPECT_TRUE(std::isnormal(scale)) << scale;
  EXPECT_NEAR(quantized->values[128] * quantized->scales[2] * quantized->multiple(128), 1, 0.01);
  EXPECT_EQ(std::count(quantized->values.begin(), quantized->values.end(), 0), 3 * 64 - 1);
}

}  // namespace
}  // namespace ht
