// SPDX-License-Identifier: Apache-2.0
#include "calibrate/statistics.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tensors.h"

namespace ht {
namespace {

// A slow restatement for tensors that are small enough to be sampled whole.
struct Naive {
  int64_t count = 0, non_finite = 0;
  Extremes extremes;
  std::vector<Extremes> channels;
  double sum = 0, sum_of_squares = 0;
  std::vector<float> elements;

  Naive(const std::vector<std::vector<float>>& images, size_t channel_count) : channels(channel_count) {
    for (const auto& image : images) {
      for (size_t i = 0; i < image.size(); ++i) {
        const float x = image[i];
        ++count;
        if (!std::isfinite(x)) {
          ++non_finite;
          continue;
        }
        extremes.include({x, x});
        channels[i % channel_count].include({x, x});
        elements.push_back(x);
        sum += x;
        sum_of_squares += static_cast<double>(x) * x;
      }
    }
  }

  std::map<double, int64_t> bins(double width) const {
    std::map<double, int64_t> counts;
    for (double x : elements) {
      const double k = std::floor(std::abs(x) / width);
      ++counts[x < 0 ? -(k + 1) * width : k * width];
    }
    return counts;
  }
};

std::map<double, int64_t> bins_of(const Histogram& histogram) {
  std::map<double, int64_t> counts;
  for (const Histogram::Bin& bin : histogram.bins()) counts[bin.low] = bin.count;
  return counts;
}

ValueStatistics observe_all(const std::vector<std::vector<float>>& images, int64_t channels, Isa isa = Isa::kBest) {
  ValueStatistics statistics(channels, true, isa);
  for (const auto& image : images) statistics.observe(image);
  return statistics;
}

std::vector<std::vector<float>> make_images(std::mt19937& random, int count, size_t size, bool non_finite) {
  std::vector<std::vector<float>> images;
  for (int i = 0; i < count; ++i) images.push_back(random_tensor(random, size, static_cast<int>(random() % 40) - 20, non_finite));
  return images;
}

TEST(ValueStatistics, AgreesWithASlowRestatement) {
  std::mt19937 random(5);
  for (int round = 0; round < 40; ++round) {
    const size_t channels = 1 + random() % 40, pixels = 1 + random() % 60;
    const auto images = make_images(random, 6, channels * pixels, round % 3 == 0);
    const ValueStatistics statistics = observe_all(images, static_cast<int64_t>(channels));
    const Naive naive(images, channels);
    EXPECT_EQ(statistics.count(), naive.count);
    EXPECT_EQ(statistics.non_finite(), naive.non_finite);
    EXPECT_EQ(statistics.sampled(), naive.count - naive.non_finite);
    EXPECT_EQ(statistics.extremes(), naive.extremes);
    EXPECT_EQ(statistics.channel_extremes(), naive.channels);
    EXPECT_EQ(bins_of(statistics.histogram()), naive.bins(statistics.histogram().width()));
    const double magnitude = naive.extremes.magnitude(), width = statistics.histogram().width(),
                 elements = static_cast<double>(naive.elements.size());
    EXPECT_LT(magnitude, width * ValueStatistics::kBinsPerSide);
    EXPECT_GE(magnitude, width * ValueStatistics::kBinsPerSide / 2);
    EXPECT_NEAR(statistics.mean(), naive.sum / elements, magnitude * 0x1p-22);
    EXPECT_NEAR(statistics.mean_square(), naive.sum_of_squares / elements, magnitude * magnitude * 0x1p-21);
    if (naive.non_finite == 0) {
      const std::vector<double> squares = statistics.channel_mean_squares();
      ASSERT_EQ(squares.size(), channels);
      for (size_t c = 0; c < channels; ++c) {
        double sum = 0;
        for (const auto& image : images)
          for (size_t i = c; i < image.size(); i += channels) sum += static_cast<double>(image[i]) * image[i];
        EXPECT_NEAR(squares[c], sum * static_cast<double>(channels) / elements, magnitude * magnitude * 0x1p-21);
      }
    }
    int64_t in_channels = 0;
    for (const Histogram& histogram : statistics.channel_histograms()) in_channels += histogram.total();
    EXPECT_EQ(in_channels, statistics.sampled());
  }
}

TEST(ValueStatistics, SumsAreExactOnEachImagesGrid) {
  std::mt19937 random(6);
  const auto images = make_images(random, 8, 3 * 50, false);
  __int128 truth[3] = {0, 0, 0};  // on the grid 2^-64
  for (const auto& image : images) {
    float magnitude = 0;
    for (float x : image) magnitude = std::max(magnitude, std::abs(x));
    const int grid = std::ilogb(magnitude) - 21;
    for (size_t i = 0; i < image.size(); ++i) {
      truth[i % 3] +=
          static_cast<__int128>(std::nearbyint(std::ldexp(static_cast<double>(image[i]), -grid))) * (__int128{1} << (grid + 64));
    }
  }
  const std::vector<double> means = observe_all(images, 3).channel_means();
  for (size_t c = 0; c < 3; ++c) EXPECT_DOUBLE_EQ(means[c], std::ldexp(static_cast<double>(truth[c]), -64) / 400);
}

TEST(ValueStatistics, OrderSplitsAndMergesChangeNoBit) {
  std::mt19937 random(7);
  for (int round = 0; round < 30; ++round) {
    const int64_t channels = 1 + random() % 20;
    auto images = make_images(random, 12, static_cast<size_t>(channels) * (1 + random() % 900), round % 4 == 0);
    const auto truth = bytes_of(observe_all(images, channels));
    std::shuffle(images.begin(), images.end(), random);
    std::vector<ValueStatistics> parts(1 + random() % 5, ValueStatistics(channels, true));
    for (const auto& image : images) parts[random() % parts.size()].observe(image);
    while (parts.size() > 1) {  // any tree, either way round
      std::shuffle(parts.begin(), parts.end(), random);
      ASSERT_TRUE(parts[0].merge(parts.back()));
      parts.pop_back();
    }
    EXPECT_EQ(bytes_of(parts[0]), truth) << "round " << round;
  }
}

TEST(ValueStatistics, InstructionSetsAndLayoutsChangeNoBit) {
  std::mt19937 random(8);
  for (int round = 0; round < 30; ++round) {
    const size_t channels = 1 + random() % 100, pixels = 1 + random() % 1500;
    const auto images = make_images(random, 2, channels * pixels, round % 4 == 0);
    const ValueStatistics truth = observe_all(images, static_cast<int64_t>(channels), Isa::kC);
    EXPECT_EQ(observe_all(images, static_cast<int64_t>(channels), Isa::kAvx2), truth);
    EXPECT_EQ(observe_all(images, static_cast<int64_t>(channels), Isa::kBest), truth);
    ValueStatistics planes(static_cast<int64_t>(channels), true);
    for (const auto& image : images) planes.observe_plain(to_planes(image, channels), static_cast<int64_t>(pixels));
    EXPECT_EQ(planes, truth) << channels << " channels, " << pixels << " pixels";
  }
}

TEST(ValueStatistics, LargeTensorsAreSampledEvenlyButTheirExtremesAreExact) {
  std::mt19937 random(9);
  std::vector<float> image = random_tensor(random, 16 * 208 * 208, 0);
  const double mean = std::accumulate(image.begin(), image.end(), 0.0) / static_cast<double>(image.size());
  image[123457] = 500;
  image[200001] = -100;
  ValueStatistics statistics(16, true);
  statistics.observe(image);
  EXPECT_EQ(statistics.extremes(), (Extremes{-100, 500}));
  EXPECT_EQ(statistics.channel_extremes()[123457 % 16].max, 500);
  EXPECT_EQ(statistics.count(), 16 * 208 * 208);
  EXPECT_NEAR(static_cast<double>(statistics.sampled()), 8192, 200);
  EXPECT_EQ(statistics.histogram().total(), statistics.sampled());
  EXPECT_NEAR(statistics.mean(), mean, 0.02);
  for (const Histogram& histogram : statistics.channel_histograms()) EXPECT_EQ(histogram.total() * 16, statistics.sampled());
}

TEST(ValueStatistics, HandlesWhatIsNotOrdinary) {
  ValueStatistics nothing(4, true);
  EXPECT_TRUE(nothing.extremes().empty());
  EXPECT_EQ(nothing.mean(), 0);
  nothing.observe({});
  EXPECT_EQ(nothing.count(), 0);

  ValueStatistics zeros(0);
  const float signed_zeros[] = {-0.0f, 0.0f, -0.0f};
  zeros.observe(signed_zeros);
  EXPECT_FALSE(std::signbit(zeros.extremes().min));
  EXPECT_EQ(zeros.histogram().total(), 3);
  EXPECT_EQ(zeros.mean_square(), 0);

  ValueStatistics wild(2);
  const float elements[] = {NAN, -INFINITY, INFINITY, -NAN};
  wild.observe(elements);
  EXPECT_EQ(wild.non_finite(), 4);
  EXPECT_EQ(wild.sampled(), 0);
  EXPECT_TRUE(wild.extremes().empty());

  ValueStatistics extreme(0);
  const float limits[] = {3.4028235e38f, -3.4028235e38f, 1e-45f, -1e-45f, 1.1754944e-38f};
  extreme.observe(limits);
  EXPECT_EQ(extreme.extremes().magnitude(), 3.4028235e38f);
  EXPECT_EQ(extreme.histogram().total(), 5);
  ValueStatistics tiny(0);
  tiny.observe(std::span(limits).subspan(2));
  ASSERT_TRUE(tiny.merge(extreme));
  EXPECT_EQ(tiny.histogram().total(), 8);
}

TEST(ValueStatistics, RefusesToMergeAnotherKind) {
  ValueStatistics value(4);
  EXPECT_FALSE(value.merge(ValueStatistics(5)));
  EXPECT_FALSE(value.merge(ValueStatistics(4, true)));
}

}  // namespace
}  // namespace ht
