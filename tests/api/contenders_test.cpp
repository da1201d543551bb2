// SPDX-License-Identifier: Apache-2.0
// Which of several models within a budget a search takes.
#include <gtest/gtest.h>

#include "api/search_contenders.h"

namespace ht {
namespace {

std::vector<Contender> contenders(const std::vector<std::pair<double, std::optional<double>>>& errors_and_drops) {
  std::vector<Contender> made;
  for (const auto& [error, drop] : errors_and_drops) {
    Contender& contender = made.emplace_back();
    contender.error = error;
    contender.drop = drop;
  }
  return made;
}

TEST(NearestContender, WithoutLabelsHasTheLeastError) {
  const auto all = contenders({{0.03, {}}, {0.01, {}}, {0.02, {}}});
  EXPECT_EQ(nearest_contender(all, {0, 1, 2}), 1u);
  EXPECT_EQ(nearest_contender(all, {0, 2}), 2u);
}

TEST(NearestContender, IsNoneThatLosesClearlyMoreThanAnother) {
  const auto all = contenders({{0.01, 2.5}, {0.02, 0.9}, {0.03, 0.8}});
  EXPECT_EQ(nearest_contender(all, {0, 1, 2}), 1u);
  EXPECT_EQ(nearest_contender(all, {0, 2}), 2u);
  EXPECT_EQ(nearest_contender(all, {0}), 0u);
}

TEST(NearestContender, HasTheLeastErrorOfThoseWhoseDropsAreAlike) {
  const auto all = contenders({{0.02, -0.25}, {0.01, 0.25}, {0.005, 0.3}});  // half a point above the least, and more
  EXPECT_EQ(nearest_contender(all, {0, 1, 2}), 1u);
  EXPECT_EQ(nearest_contender(all, {1, 2}), 2u);
}

}  // namespace
}  // namespace ht
