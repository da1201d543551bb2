// SPDX-License-Identifier: Apache-2.0
#include "quantize/gptq.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace ht {
namespace {

// Integer inputs that are correlated from tap to tap.
std::vector<std::vector<int>> correlated_inputs(std::mt19937& random, size_t count, size_t size, double correlation) {
  std::normal_distribution<double> normal(0, 30);
  std::vector<std::vector<int>> rows;
  for (size_t n = 0; n < count; ++n) {
    std::vector<int> row;
    double last = normal(random);
    for (size_t i = 0; i < size; ++i) {
      last = correlation * last + std::sqrt(1 - correlation * correlation) * normal(random);
      row.push_back(static_cast<int>(std::lround(last)));
    }
    rows.push_back(row);
  }
  return rows;
}

InputMoments moments_of(const std::vector<std::vector<std::vector<int>>>& groups) {
  InputMoments moments{static_cast<int64_t>(groups.size()), static_cast<int64_t>(groups[0][0].size()), {}};
  for (const auto& rows : groups)
    for (size_t i = 0; i < rows[0].size(); ++i)
      for (size_t j = 0; j < rows[0].size(); ++j) {
        double sum = 0;
        for (const auto& row : rows) sum += row[i] * row[j];
        moments.sums.push_back(sum);
      }
  return moments;
}

// Mean square of (sum of integers times inputs) times scale minus the exact sum.
double error_of(const std::vector<std::vector<int>>& rows, const double* exact, const int8_t* integers, double scale) {
  double sum = 0;
  for (const auto& row : rows) {
    double error = 0;
    for (size_t i = 0; i < row.size(); ++i) error += (integers[i] * scale - exact[i]) * row[i];
    sum += error * error;
  }
  return sum / static_cast<double>(rows.size());
}

std::vector<float> normal_weights(std::mt19937& random, size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> weights(count);
  for (float& w : weights) w = normal(random);
  return weights;
}

TEST(RoundByMoments, LowersTheErrorOfSumsOfCorrelatedInputs) {
  constexpr size_t kOutputs = 12, kSize = 36;
  std::mt19937 random(1);
  const auto rows = correlated_inputs(random, 400, kSize, 0.9);
  const std::vector<float> weights = normal_weights(random, kOutputs * kSize);
  // Few levels, so that rounding is what matters.
  const WeightRequest request{WeightScale::kMax, true, -7, 7};
  auto nearest = quantize_weights(weights, {kOutputs, 4, 3, 3}, request);
  ASSERT_TRUE(nearest);
  QuantizedWeights rounded = *nearest;
  round_by_moments(weights, request, moments_of({rows}), rounded);
  EXPECT_EQ(rounded.scales, nearest->scales);
  double before = 0, after = 0;
  for (size_t o = 0; o < kOutputs; ++o) {
    const std::vector<double> exact(weights.begin() + static_cast<int64_t>(o * kSize), weights.begin() + static_cast<int64_t>((o + 1) * kSize));
    const double one = error_of(rows, exact.data(), nearest->values.data() + o * kSize, nearest->scales[o]);
    const double other = error_of(rows, exact.data(), rounded.values.data() + o * kSize, nearest->scales[o]);
    EXPECT_LE(other, one * 1.02) << o;  // damping weighs a little besides
    before += one;
    after += other;
    for (size_t i = 0; i < kSize; ++i) EXPECT_LE(std::abs(rounded.values[o * kSize + i]), 7);
  }
  EXPECT_LT(after, 0.5 * before);
}

TEST(RoundByMoments, LeavesIndependentInputsRoundedToTheNearest) {
  std::mt19937 random(2);
  const std::vector<float> weights = normal_weights(random, 3 * 9);
  InputMoments moments{1, 9, std::vector<double>(81)};
  for (size_t i = 0; i < 9; ++i) moments.sums[i * 10] = 1000.0 * static_cast<double>(i + 1);
  auto nearest = quantize_weights(weights, {3, 1, 3, 3}, {});
  ASSERT_TRUE(nearest);
  QuantizedWeights rounded = *nearest;
  round_by_moments(weights, {}, moments, rounded);
  EXPECT_EQ(rounded.values, nearest->values);
}

TEST(RoundByMoments, KeepsGroupsAndAbsorbedScalesApart) {
  constexpr size_t kSize = 18;  // two channels of nine taps a group
  std::mt19937 random(3);
  const std::vector<std::vector<std::vector<int>>> groups = {correlated_inputs(random, 300, kSize, 0.95), correlated_inputs(random, 300, kSize, -0.95)};
  const std::vector<float> weights = normal_weights(random, 4 * kSize), input_scales = {0.5f, 2, 8, 0.25f};
  WeightRequest request{WeightScale::kMax, true, -7, 7};
  request.groups = 2;
  request.input_scales = input_scales;
  auto nearest = quantize_weights(weights, {4, 2, 3, 3}, request);
  ASSERT_TRUE(nearest);
  QuantizedWeights rounded = *nearest;
  round_by_moments(weights, request, moments_of(groups), rounded);
  double before = 0, after = 0;
  for (size_t o = 0; o < 4; ++o) {
    std::vector<double> exact;
    for (size_t i = 0; i < kSize; ++i) exact.push_back(static_cast<double>(weights[o * kSize + i]) * input_scales[o / 2 * 2 + i / 9]);
    before += error_of(groups[o / 2], exact.data(), nearest->values.data() + o * kSize, nearest->scales[o]) / std::pow(nearest->scales[o], 2);
    after += error_of(groups[o / 2], exact.data(), rounded.values.data() + o * kSize, nearest->scales[o]) / std::pow(nearest->scales[o], 2);
  }
  EXPECT_LT(after, 0.5 * before);
}

TEST(RoundByMoments, NothingSeenChangesNothing) {
  std::mt19937 random(4);
  const std::vector<float> weights = normal_weights(random, 18);
  auto nearest = quantize_weights(weights, {2, 1, 3, 3}, {});
  ASSERT_TRUE(nearest);
  QuantizedWeights rounded = *nearest;
  round_by_moments(weights, {}, {1, 9, std::vector<double>(81)}, rounded);
  EXPECT_EQ(rounded.values, nearest->values);
}

}  // namespace
}  // namespace ht
