// SPDX-License-Identifier: Apache-2.0
#include "calibrate/exact_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace ht {
namespace {

TEST(ExactSum, AgreesWithWideIntegersWhereTheseSuffice) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; ++round) {
    ExactSum sum;
    __int128 truth = 0;  // on the grid 2^-40
    for (int i = 0; i < 100; ++i) {
      const auto mantissa = static_cast<int64_t>(random()) >> (random() % 60);
      const int exponent = static_cast<int>(random() % 40) - 40;
      sum.add(mantissa, exponent);
      truth += static_cast<__int128>(mantissa) << (exponent + 40);
    }
    EXPECT_NEAR(sum.value(), std::ldexp(static_cast<double>(truth), -40), std::abs(std::ldexp(static_cast<double>(truth), -90)));
    sum.add(-truth, -40);
    EXPECT_EQ(sum, ExactSum());
  }
}

TEST(ExactSum, KeepsTheSmallestTermBesideTheGreatest) {
  ExactSum sum;
  sum.add(-3, -280);
  sum.add(int64_t{1} << 62, 250);
  sum.add(-(__int128{1} << 100), 212);
  EXPECT_EQ(sum.value(), -3 * std::exp2(-280));
}

TEST(ExactSum, IsTheSameInAnyOrderAndGrouping) {
  std::mt19937_64 random(2);
  std::vector<std::pair<int64_t, int>> terms;
  for (int i = 0; i < 500; ++i) terms.emplace_back(static_cast<int64_t>(random()), static_cast<int>(random() % 500) - 250);
  ExactSum forwards;
  for (auto [mantissa, exponent] : terms) forwards.add(mantissa, exponent);
  std::shuffle(terms.begin(), terms.end(), random);
  ExactSum parts[3], together;
  for (auto [mantissa, exponent] : terms) parts[random() % 3].add(mantissa, exponent);
  for (const ExactSum& part : parts) together.add(part);
  EXPECT_EQ(together, forwards);
}

TEST(ExactSum, WordsRestoreIt) {
  std::mt19937_64 random(3);
  for (int exponent = -288; exponent <= 256; exponent += 7) {
    for (int64_t mantissa : {int64_t{0}, int64_t{1}, int64_t{-1}, INT64_MAX, INT64_MIN, static_cast<int64_t>(random())}) {
      ExactSum sum, restored;
      sum.add(mantissa, exponent);
      ASSERT_TRUE(restored.restore(sum.words()));
      EXPECT_EQ(restored, sum);
      EXPECT_EQ(sum.value(), std::ldexp(static_cast<double>(mantissa), exponent));
    }
  }
  ExactSum sum;
  EXPECT_FALSE(sum.restore(std::vector<uint64_t>(ExactSum::kWords + 1)));
}

}  // namespace
}  // namespace ht
