// SPDX-License-Identifier: Apache-2.0
#include "calibrate/range.h"

#include <gtest/gtest.h>

#include "calibrate/range_search.h"
#include "tensors.h"

namespace ht {
namespace {

double silu(double x) { return x / (1 + std::exp(-x)); }

// A bell with a few far outliers.
std::vector<float> bell(unsigned seed, float outlier, bool silu_of_it = false, size_t size = 8000) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.3f, 1);
  std::vector<float> data(size);
  for (float& x : data) x = normal(random);
  for (size_t i = 0; i < 6; ++i) data[i * 97] = outlier * (1 - 0.1f * static_cast<float>(i));
  if (silu_of_it) {
    for (float& x : data) x = static_cast<float>(silu(x));
  }
  return data;
}

ValueStatistics observe(const std::vector<float>& data) {
  ValueStatistics statistics(0);
  statistics.observe(data);
  return statistics;
}

Range estimate(const ValueStatistics& statistics, const RangeRequest& request) {
  const auto range = estimate_range("x", statistics, request);
  EXPECT_TRUE(range) << range.error().text();
  return range ? *range : Range{};
}

double true_error(const std::vector<float>& data, Range range, const IntegerGrid& grid,
                  const std::function<double(double)>& activation = {}, double clipped_counts = 1) {
  const Parameters parameters = *parameters_from_range(range, grid);
  const auto [least, greatest] = integer_range(grid.dtype);
  double sum = 0;
  for (double x : data) {
    const double wished = std::nearbyint(x / parameters.scale) + parameters.zero_point;
    const double q = std::clamp(wished, static_cast<double>(least), static_cast<double>(greatest));
    const double y = (q - parameters.zero_point) * parameters.scale;
    const double error = activation ? activation(y) - activation(x) : y - x;
    sum += error * error * (q == wished ? 1 : clipped_counts);
  }
  return sum / static_cast<double>(data.size());
}

TEST(Range, MinMaxIncludesZeroAndPins) {
  const ValueStatistics positive = observe({1, 2, 3});
  EXPECT_EQ(estimate(positive, {RangeMethod::kMinMax}), (Range{0, 3}));
  RangeRequest request{RangeMethod::kMinMax};
  request.pinned_min = -0.2785;
  EXPECT_EQ(estimate(positive, request), (Range{-0.2785, 3}));
  for (RangeMethod method : {RangeMethod::kPercentile, RangeMethod::kEntropy, RangeMethod::kMse}) {
    request.method = method;
    EXPECT_EQ(estimate(observe(bell(1, 8, true)), request).min, -0.2785);
  }
}

TEST(Range, AverageIsTheMeanOfTheImagesExtremes) {
  ValueStatistics statistics = observe({-1, 0.5f, 2});
  const std::vector<float> second = {-3, 1, 4}, none = {NAN, INFINITY};
  statistics.observe(second);
  EXPECT_EQ(estimate(statistics, {RangeMethod::kAverage}), (Range{-2, 3}));
  ValueStatistics other = observe({0.25f, 9});
  ASSERT_TRUE(other.merge(statistics));
  EXPECT_EQ(estimate(other, {RangeMethod::kAverage}), (Range{-3.75 / 3, 5}));
  RangeRequest request{RangeMethod::kAverage};
  request.pinned_min = -0.375;
  EXPECT_EQ(estimate(other, request), (Range{-0.375, 5}));
  other.observe(none);
  EXPECT_EQ(other.mean_extremes(), (std::pair<double, double>(-3.75 / 3, 5))) << "an image without finite elements does not count";
}

TEST(Range, PercentileCutsTheTailsItSays) {
  std::vector<float> data = bell(2, 30);
  const ValueStatistics statistics = observe(data);
  std::sort(data.begin(), data.end());
  for (double percentile : {99.0, 99.9, 99.99, 100.0}) {
    RangeRequest request{RangeMethod::kPercentile};
    request.percentile = percentile;
    const Range range = estimate(statistics, request);
    const auto cut = static_cast<size_t>(static_cast<double>(data.size()) * (100 - percentile) / 200);
    const double width = statistics.histogram().width();
    EXPECT_NEAR(range.min, data[cut], width);
    EXPECT_NEAR(range.max, data[data.size() - 1 - cut], width);
  }
  RangeRequest request{RangeMethod::kPercentile};
  request.percentile = 120;
  EXPECT_FALSE(estimate_range("x", statistics, request));
}

TEST(Range, LeastErrorIsNearlyTheBestOfAFineGrid) {
  for (float outlier : {4.0f, 9.0f, -40.0f, 100.0f}) {
    const std::vector<float> data = bell(3, outlier, false, 3000);
    const ValueStatistics statistics = observe(data);
    for (const IntegerGrid& grid : {IntegerGrid{DType::kInt8}, IntegerGrid{DType::kUint8}, IntegerGrid{DType::kInt8, true}}) {
      for (const auto& activation : {std::function<double(double)>(), std::function<double(double)>(silu)}) {
        RangeRequest request{RangeMethod::kMse, grid};
        request.activation = activation;
        const Range chosen = estimate(statistics, request);
        const Range widest{std::min(0.0f, statistics.extremes().min), statistics.extremes().max};
        double best = INFINITY;
        for (int i = 0; i <= 30; ++i) {
          for (int k = 0; k <= 30; ++k) {
            best = std::min(
                best, true_error(data, {widest.min * std::exp2(-i / 6.0), widest.max * std::exp2(-k / 6.0)}, grid, activation));
          }
        }
        const double error = true_error(data, chosen, grid, activation);
        EXPECT_LE(error, best * 1.05) << outlier << " " << dtype_name(grid.dtype) << (activation ? " silu" : "");
        EXPECT_LE(error, true_error(data, widest, grid, activation) * 1.001);
      }
    }
  }
}

// Of a bell with a few elements spread evenly up to twelve deviations, some of which plain error cuts off.
TEST(Range, ClippedElementsCountFourTimes) {
  std::vector<float> data = bell(8, 1, false, 20000);
  for (size_t i = 0; i < 10; ++i) data[i * 89] = 12 * static_cast<float>(i) / 10;
  ValueStatistics statistics(0);
  for (size_t i = 0; i < data.size(); i += 1000) statistics.observe(std::span(data).subspan(i, 1000));  // few enough for all to be in the histogram
  for (const IntegerGrid& grid : {IntegerGrid{DType::kInt8}, IntegerGrid{DType::kUint8}}) {
    const Range chosen = estimate(statistics, {RangeMethod::kMse, grid});
    const Range widest{statistics.extremes().min, statistics.extremes().max};
    double best = INFINITY, plain = INFINITY;
    Range plainly_best;
    for (int i = 0; i <= 30; ++i) {
      for (int k = 0; k <= 40; ++k) {
        const Range range{widest.min * std::exp2(-i / 24.0), widest.max * std::exp2(-k / 24.0)};
        best = std::min(best, true_error(data, range, grid, {}, 4));
        if (const double error = true_error(data, range, grid); error < plain) plain = error, plainly_best = range;
      }
    }
    EXPECT_LE(true_error(data, chosen, grid, {}, 4), best * 1.05) << dtype_name(grid.dtype);
    EXPECT_GT(true_error(data, plainly_best, grid, {}, 4), best * 1.06) << "or the test tells nothing";
  }
}

TEST(Range, TheErrorBehindTheActivationForgivesWhatTheActivationHides) {
  const std::vector<float> data = bell(4, -60);
  const ValueStatistics statistics = observe(data);
  RangeRequest plain{RangeMethod::kMse}, judged{RangeMethod::kMse};
  judged.activation = silu;
  const Range before = estimate(statistics, plain), behind = estimate(statistics, judged);
  EXPECT_LT(before.min, -20);
  EXPECT_GT(behind.min, -20);
  EXPECT_LT(true_error(data, behind, {}, silu), true_error(data, before, {}, silu) / 4);
}

TEST(Range, TheHistogramsErrorIsTheElementsError) {
  const std::vector<float> data = bell(5, 6);
  const ValueStatistics statistics = observe(data);
  for (const Range& range : {Range{-3, 3}, Range{-4, 7}, Range{0, 2}}) {
    const double truth = true_error(data, range, {});
    EXPECT_NEAR(mean_squared_error(statistics.histogram(), *parameters_from_range(range, {}), {}), truth, truth * 0.06);
  }
}

// The search as its definition says it, without prefix sums.
double slow_entropy_threshold(const Histogram& histogram) {
  const auto side = static_cast<size_t>(histogram.per_side());
  std::vector<double> bins;
  for (size_t k = 0; k < side; ++k)
    bins.push_back(static_cast<double>(histogram.counts()[side + k] + histogram.counts()[side - 1 - k]));
  while (bins.back() == 0) bins.pop_back();
  bins[0] = bins[1];
  double least = INFINITY;
  size_t chosen = 0;
  for (size_t i = 128; i <= bins.size(); ++i) {
    std::vector<double> p(bins.begin(), bins.begin() + static_cast<std::ptrdiff_t>(i)), mass(128), used(128), q(i);
    for (size_t k = 0; k < i; ++k) {
      if (bins[k] > 0) mass[k * 128 / i] += bins[k], used[k * 128 / i] += 1;
    }
    for (size_t k = 0; k < i; ++k) q[k] = bins[k] > 0 ? mass[k * 128 / i] / used[k * 128 / i] : 0;
    for (size_t k = i; k < bins.size(); ++k) p[i - 1] += bins[k];
    double p_sum = 0, q_sum = 0, divergence = 0;
    for (size_t k = 0; k < i; ++k) p_sum += p[k], q_sum += q[k];
    for (size_t k = 0; k < i; ++k) {
      if (p[k] > 0) divergence += q[k] > 0 ? p[k] / p_sum * std::log(p[k] / p_sum / (q[k] / q_sum)) : INFINITY;
    }
    if (divergence <= least) least = divergence, chosen = i;
  }
  return static_cast<double>(chosen) * histogram.width();
}

TEST(Range, EntropyIsItsDefinition) {
  for (float outlier : {3.5f, 5.0f, 12.0f}) {
    const ValueStatistics statistics = observe(bell(6, outlier));
    EXPECT_EQ(entropy_threshold(statistics.histogram()), slow_entropy_threshold(statistics.histogram()));
  }
  // No group is empty and every candidate counts where the bins are filled without gaps.
  std::vector<float> smooth;
  for (int i = 0; i < 8000; ++i) smooth.push_back(static_cast<float>(std::pow(i / 8000.0, 3)));
  const ValueStatistics statistics = observe(smooth);
  EXPECT_EQ(entropy_threshold(statistics.histogram()), slow_entropy_threshold(statistics.histogram()));
}

TEST(Range, NamesTheValueThatHasNone) {
  const auto unseen = estimate_range("conv7", ValueStatistics(4), {});
  ASSERT_FALSE(unseen);
  EXPECT_NE(unseen.error().message.find("'conv7'"), std::string::npos);
  const auto wild = estimate_range("conv8", observe({1, INFINITY, 2}), {});
  ASSERT_FALSE(wild);
  EXPECT_NE(wild.error().message.find("'conv8'"), std::string::npos);
  EXPECT_FALSE(estimate_channel_ranges("conv9", observe({1, 2}), {}));
}

TEST(Range, ChannelsTakeTheirOwnExtremes) {
  ValueStatistics statistics(3);
  const float data[] = {1, -2, 0, 4, 6, 0};
  statistics.observe(data);
  const auto ranges = estimate_channel_ranges("x", statistics, {RangeMethod::kMinMax});
  ASSERT_TRUE(ranges);
  EXPECT_EQ(*ranges, (std::vector<Range>{{0, 4}, {-2, 6}, {0, 0}}));
  // Another value has the third channel, and a narrower one.
  std::vector<std::vector<Range>> values = {*ranges, {{0, 0}, {-1, 2}}, {{0, 0}}};
  fill_empty_ranges(values);
  EXPECT_EQ(values, (std::vector<std::vector<Range>>{{{0, 4}, {-2, 6}, {-1, 2}}, {{-1, 2}, {-1, 2}}, {{-1, 2}}}));
  std::vector<std::vector<Range>> alone = {*ranges}, empty = {{{0, 0}}};
  fill_empty_ranges(alone);
  fill_empty_ranges(empty);
  EXPECT_EQ(empty, (std::vector<std::vector<Range>>{{{0, 0}}}));
  const auto affine = affine_from_ranges(alone[0], {DType::kInt8}, 1, 4);
  ASSERT_TRUE(affine);
  EXPECT_EQ(affine->axis(), 1u);
  EXPECT_EQ(affine->scales(), (std::vector<float>{4.0f / 255, 8.0f / 255, 4.0f / 255}));
  EXPECT_EQ(affine->zero_points(), (std::vector<int32_t>{-128, -64, -128}));
}

TEST(Range, AChannelsStepIsNotSetByItsRareLargeElements) {
  // Most elements crowd between two steps of the range from least to greatest; fewer large ones follow a steep curve.
  std::vector<float> data(8192);
  for (size_t i = 0; i < data.size(); ++i)
    data[i] = i % 8 == 0 ? 133.0f * std::pow(static_cast<float>(i) / 8192, 24.0f) : -0.27f * static_cast<float>(i % 101) / 101;
  ValueStatistics statistics(1, true);
  statistics.observe(data);
  const auto widest = estimate_channel_ranges("x", statistics, {RangeMethod::kMinMax});
  const auto chosen = estimate_channel_ranges("x", statistics, {RangeMethod::kMse});
  ASSERT_TRUE(widest && chosen);
  const auto error = [&](const Range& range) {
    const auto parameters = parameters_from_range(range, {DType::kInt8});
    double sum = 0;
    for (float x : data) {
      const double q = std::clamp<double>(std::nearbyint(x / parameters->scale) + parameters->zero_point, -128, 127);
      sum += std::pow((q - parameters->zero_point) * parameters->scale - x, 2);
    }
    return sum;
  };
  EXPECT_LT(error(chosen->front()), error(widest->front()));
}

TEST(Range, ParametersFollowTheGrid) {
  const auto check = [](Range range, IntegerGrid grid, float scale, int32_t zero_point) {
    const auto parameters = parameters_from_range(range, grid);
    ASSERT_TRUE(parameters);
    EXPECT_EQ(*parameters, (Parameters{scale, zero_point})) << range.min << " " << range.max;
  };
  check({0, 255}, {DType::kUint8}, 1, 0);
  check({-1, 254}, {DType::kUint8}, 1, 1);
  check({0, 255}, {DType::kInt8}, 1, -128);
  check({-255, 0}, {DType::kInt8}, 1, 127);
  check({-10, 127}, {DType::kInt8, true}, 1, 0);
  check({-127, 3}, {DType::kUint8, true}, 1, 128);
  check({-32767, 5}, {DType::kInt16, true}, 1, 0);
  check({0, 200}, {DType::kInt8, false, true}, 1, -128);
  check({-1, 100}, {DType::kInt8, true, true}, 1, 0);
  check({0, 0}, {DType::kUint8}, 1, 0);
  check({0, 0}, {DType::kInt8}, 1, 0);
  check({0, 1e-300}, {DType::kInt8}, 0x1p-60f, -128);
  check({5, 255}, {DType::kUint8}, 1, 0);
  EXPECT_FALSE(parameters_from_range({0, INFINITY}, {}));
  EXPECT_FALSE(parameters_from_range({NAN, 1}, {}));
  EXPECT_FALSE(parameters_from_range({0, 1e300}, {}));
  EXPECT_FALSE(parameters_from_range({0, 1}, {DType::kFloat32}));
  EXPECT_TRUE(parameters_from_range({-3.4e38, 3.4e38}, {}));
}

TEST(Range, ZeroIsAlwaysExactlyAnInteger) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    const Range range{-std::ldexp(static_cast<double>(random()), -static_cast<int>(random() % 60)),
                      std::ldexp(static_cast<double>(random()), -static_cast<int>(random() % 60))};
    const IntegerGrid grid{random() % 2 ? DType::kInt8 : DType::kUint8, random() % 2 == 0, random() % 3 == 0};
    const auto parameters = parameters_from_range(range, grid);
    ASSERT_TRUE(parameters);
    const auto [least, greatest] = integer_range(grid.dtype);
    EXPECT_GE(parameters->zero_point, least);
    EXPECT_LE(parameters->zero_point, greatest);
    // Both ends are met to within a step.
    const double low = static_cast<double>(least - parameters->zero_point) * static_cast<double>(parameters->scale);
    const double high = static_cast<double>(greatest - parameters->zero_point) * static_cast<double>(parameters->scale);
    EXPECT_LE(low, range.min + parameters->scale);
    EXPECT_GE(high, range.max - parameters->scale);
  }
}

TEST(Range, ConstantAndTinyValuesHaveNormalScales) {
  for (float x : {0.0f, 1e-45f, -1e-45f, 1e-30f, 5.0f, -5.0f, 3.4e38f}) {
    for (RangeMethod method : {RangeMethod::kMinMax, RangeMethod::kPercentile, RangeMethod::kEntropy, RangeMethod::kMse}) {
      const auto affine = affine_from_range(estimate(observe({x, x, x}), {method}), {});
      ASSERT_TRUE(affine) << x << " " << affine.error().text();
      EXPECT_TRUE(std::isnormal(affine->scales()[0]));
    }
  }
}

}  // namespace
}  // namespace ht
