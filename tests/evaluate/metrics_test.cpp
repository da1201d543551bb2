// SPDX-License-Identifier: Apache-2.0
#include "evaluate/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace ht {
namespace {

using Floats = std::vector<float>;

TEST(Classification, CountsTopOneTopFiveAndAgreement) {
  ClassificationTally tally;
  const Floats scores = {0.1f, 0.9f, 0.5f, 0.4f, 0.3f, 0.2f}, reference = {0, 0, 1, 0, 0, 0};
  ASSERT_TRUE(tally.add(scores, 1, scores));
  ASSERT_TRUE(tally.add(scores, 5, reference));
  ASSERT_TRUE(tally.add(scores, 0, scores));
  EXPECT_EQ(tally.count, 3);
  EXPECT_DOUBLE_EQ(tally.top1(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(tally.top5(), 2.0 / 3);
  EXPECT_DOUBLE_EQ(tally.agreement(), 2.0 / 3);
  ClassificationTally sum;
  sum.merge(tally);
  sum.merge(tally);
  EXPECT_EQ(sum.count, 6);
  EXPECT_DOUBLE_EQ(sum.top5(), tally.top5());
}

TEST(Classification, EqualValuesGoToTheFirstClassAndNanNeverWins) {
  EXPECT_EQ(top_class(Floats{1, 3, 3}), 1);
  EXPECT_EQ(top_class(Floats{NAN, 1, NAN, 2}), 3);
  ClassificationTally tally;
  ASSERT_TRUE(tally.add(Floats{3, 3}, 1));
  ASSERT_TRUE(tally.add(Floats{NAN, 3}, 0));
  EXPECT_EQ(tally.top1_hits, 0);
  EXPECT_EQ(tally.top5_hits, 1);
  EXPECT_EQ(ClassificationTally().top1(), 0);
}

TEST(Classification, WhatDoesNotFitIsRefused) {
  ClassificationTally tally;
  EXPECT_FALSE(tally.add(Floats{1, 2}, 2));
  EXPECT_FALSE(tally.add(Floats{1, 2}, -1));
  EXPECT_FALSE(tally.add(Floats{1, 2}, 0, Floats{1}));
  EXPECT_EQ(tally.count, 0);
}

TEST(OutputErrors, KnownValues) {
  OutputError error;
  ASSERT_TRUE(error.add(Floats{3, 4}, Floats{3, 3.5f}));
  EXPECT_DOUBLE_EQ(*error.snr_db(), 20);
  EXPECT_DOUBLE_EQ(*error.cosine(), 23 / (5 * std::sqrt(21.25)));
  EXPECT_DOUBLE_EQ(error.max_error, 0.5);
  OutputError other;
  ASSERT_TRUE(other.add(Floats{0}, Floats{-2}));
  error.merge(other);
  EXPECT_DOUBLE_EQ(error.max_error, 2);
  EXPECT_EQ(error.count, 3);
  EXPECT_FALSE(error.add(Floats{1}, Floats{1, 2}));
}

TEST(OutputErrors, EdgesAreDefined) {
  EXPECT_FALSE(OutputError().snr_db());
  OutputError same, zero, broken;
  ASSERT_TRUE(same.add(Floats{1, 2}, Floats{1, 2}));
  EXPECT_TRUE(std::isinf(*same.snr_db()));
  EXPECT_DOUBLE_EQ(*same.cosine(), 1);
  ASSERT_TRUE(zero.add(Floats{0}, Floats{0}));
  EXPECT_EQ(*zero.cosine(), 1);
  ASSERT_TRUE(broken.add(Floats{1, 2}, Floats{NAN, 2}));
  EXPECT_FALSE(broken.snr_db());
  EXPECT_FALSE(broken.cosine());
  EXPECT_TRUE(std::isnan(broken.max_error));
  same.merge(broken);
  EXPECT_TRUE(std::isnan(same.max_error));
}

}  // namespace
}  // namespace ht
