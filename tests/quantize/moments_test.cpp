// SPDX-License-Identifier: Apache-2.0
#include "quantize/moments.h"

#include <gtest/gtest.h>

#include <cmath>

#include "moments_of.h"
#include "quantize/least_squares.h"

namespace ht {
namespace {

ObservedProduct product_of(int64_t groups, int64_t size, int64_t outputs, double unit = 1) {
  ObservedProduct product;
  product.groups = groups;
  product.size = size;
  product.outputs = outputs;
  product.output_units.assign(static_cast<size_t>(outputs), unit);
  return product;
}

// [count, width] integers.
std::vector<double> integers(std::mt19937& random, size_t count, int least, int greatest) {
  std::uniform_int_distribution<int> uniform(least, greatest);
  std::vector<double> numbers(count);
  for (double& x : numbers) x = uniform(random);
  return numbers;
}

TEST(ProductMoments, AreTheSumsOfTheirDefinition) {
  constexpr size_t kGroups = 2, kSize = 3, kOutputs = 4, kCount = 7;
  std::mt19937 random(1);
  const std::vector<double> x = integers(random, kCount * kGroups * kSize, -255, 255), y = integers(random, kCount * kOutputs, -100000, 100000);
  ProductMoments moments(product_of(kGroups, kSize, kOutputs));
  moments.add(kCount, x, y);
  moments.finish();
  EXPECT_EQ(moments.samples, kCount);
  const auto input = [&](size_t n, size_t g, size_t i) { return x[(n * kGroups + g) * kSize + i]; };
  const auto sum = [&](const auto& term) {
    double total = 0;
    for (size_t n = 0; n < kCount; ++n) total += term(n);
    return total;
  };
  for (size_t g = 0; g < kGroups; ++g) {
    for (size_t i = 0; i < kSize; ++i) {
      EXPECT_EQ(moments.sums[g * kSize + i], sum([&](size_t n) { return input(n, g, i); }));
      for (size_t j = 0; j < kSize; ++j)
        EXPECT_EQ(moments.squares[(g * kSize + i) * kSize + j], sum([&](size_t n) { return input(n, g, i) * input(n, g, j); }));
    }
  }
  for (size_t o = 0; o < kOutputs; ++o) {
    EXPECT_EQ(moments.output_sums[o], sum([&](size_t n) { return y[n * kOutputs + o]; }));
    EXPECT_EQ(moments.output_squares[o], sum([&](size_t n) { return y[n * kOutputs + o] * y[n * kOutputs + o]; }));
    for (size_t i = 0; i < kSize; ++i)
      EXPECT_EQ(moments.cross[o * kSize + i], sum([&](size_t n) { return y[n * kOutputs + o] * input(n, o / 2, i); }));
  }
}

TEST(ProductMoments, NeitherOrderNorPartsMatter) {
  constexpr size_t kSize = 5, kOutputs = 2, kCount = 90, kParts = 9;
  std::mt19937 random(2);
  const std::vector<double> x = integers(random, kCount * kSize, -32768, 32767), y = integers(random, kCount * kOutputs, -(1 << 20), 1 << 20);
  const ObservedProduct product = product_of(1, kSize, kOutputs);
  ProductMoments whole(product), parts(product);
  whole.add(kCount, x, y);
  for (size_t part = kParts; part-- > 0;) {
    constexpr size_t kOwn = kCount / kParts;
    ProductMoments one(product);
    one.add(kOwn, std::span(x).subspan(part * kOwn * kSize, kOwn * kSize), std::span(y).subspan(part * kOwn * kOutputs, kOwn * kOutputs));
    parts.add(one);
  }
  EXPECT_EQ(whole.squares, parts.squares);
  EXPECT_EQ(whole.cross, parts.cross);
  EXPECT_EQ(whole.sums, parts.sums);
  EXPECT_EQ(whole.output_sums, parts.output_sums);
  EXPECT_EQ(whole.output_squares, parts.output_squares);
}

TEST(GroupMoments, ErrorIsTheMeanSquareOfWhatIsMissing) {
  constexpr size_t kSize = 4, kCount = 50;
  constexpr double kUnit = 0.25;
  std::mt19937 random(3);
  const std::vector<double> x = integers(random, kCount * kSize, -20, 90), y = integers(random, kCount, -500, 900), w = normal_numbers(random, kSize);
  ProductMoments moments(product_of(1, kSize, 1, kUnit));
  moments.add(kCount, x, y);
  moments.finish();
  std::vector<double> missing;
  double mean = 0;
  for (size_t n = 0; n < kCount; ++n) {
    missing.push_back(-kUnit * y[n]);
    for (size_t i = 0; i < kSize; ++i) missing.back() += w[i] * x[n * kSize + i];
    mean += missing.back() / kCount;
  }
  double about_zero = 0, about_mean = 0;
  for (double m : missing) {
    about_zero += m * m / kCount;
    about_mean += (m - mean) * (m - mean) / kCount;
  }
  const std::vector<double> units = {kUnit};
  EXPECT_NEAR(GroupMoments(moments, 0, units, false).error(0, w), about_zero, 1e-9 * about_zero);
  EXPECT_NEAR(GroupMoments(moments, 0, units, true).error(0, w), about_mean, 1e-9 * about_mean);
}

// Samples of y = w x where the product reads a disturbed x.
struct Disturbed {
  Disturbed(uint32_t seed, size_t count, double disturbance) : product(product_of(1, kSize, 1, 1.0 / 64)), moments{ProductMoments(product), ProductMoments(product)} {
    std::mt19937 same(9), random(seed);
    weights = normal_numbers(same, kSize);
    for (auto* own : {&moments.fit, &moments.check}) {
      const Rows rows = correlated_inputs(random, count, kSize, 0.5, 40);
      std::normal_distribution<double> normal(0, 3);
      for (const auto& row : rows) {
        double y = 0;
        std::vector<double> seen;
        for (size_t i = 0; i < kSize; ++i) {
          y += weights[i] * row[i];
          // What came before shrank the even inputs and let the odd ones leak into them.
          seen.push_back(std::nearbyint(i % 2 == 0 ? row[i] * (1 - disturbance) + disturbance * row[i + 1] : row[i]) + std::nearbyint(normal(random)));
        }
        const double integer = std::nearbyint(y * 64);
        own->add(1, seen, {&integer, 1});
      }
      own->finish();
    }
  }
  static constexpr size_t kSize = 6;
  ObservedProduct product;
  ObservedMoments moments;
  std::vector<double> weights;
};

TEST(FitToOutputs, TakesUpWhatHappenedBefore) {
  const Disturbed seen(4, 4000, 0.4);
  std::vector<double> rows = seen.weights;
  fit_to_outputs(seen.moments, seen.product.output_units, true, rows);
  ProductMoments all = seen.moments.fit;
  all.add(seen.moments.check);
  const GroupMoments moments(all, 0, seen.product.output_units, true);
  EXPECT_LT(moments.error(0, rows), 0.6 * moments.error(0, seen.weights));
  // Nothing linear does better than the solution of the normal equations, which the fit must come near.
  std::vector<double> exact(moments.cross(0).begin(), moments.cross(0).end());
  solve(*cholesky(moments.inputs()), exact);
  EXPECT_LE(moments.error(0, exact), moments.error(0, rows) * (1 + 1e-9));
  EXPECT_LT(moments.error(0, rows), 1.02 * moments.error(0, exact));
}

TEST(FitToOutputs, FewSamplesSpoilNothing) {
  const Disturbed fresh(50, 4000, 0);
  const GroupMoments truth(fresh.moments.fit, 0, fresh.product.output_units, true);
  for (uint32_t seed = 60; seed < 70; ++seed) {
    const Disturbed seen(seed, 7, 0);
    std::vector<double> rows = seen.weights;
    fit_to_outputs(seen.moments, seen.product.output_units, true, rows);
    EXPECT_LT(truth.error(0, rows), 2 * truth.error(0, seen.weights)) << seed;
  }
}

TEST(FitToOutputs, WithoutPhotosToCheckOnNothingMoves) {
  Disturbed seen(6, 100, 0.4);
  seen.moments.check = ProductMoments(seen.product);
  std::vector<double> rows = seen.weights;
  fit_to_outputs(seen.moments, seen.product.output_units, true, rows);
  EXPECT_EQ(rows, seen.weights);
}

}  // namespace
}  // namespace ht
