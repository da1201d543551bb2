// SPDX-License-Identifier: Apache-2.0
#include "evaluate/nms.h"

#include <gtest/gtest.h>

#include <random>

namespace ht {
namespace {

float overlap(const Box& a, const Box& b) {
  const ht_box first{a.x0, a.y0, a.x1, a.y1, 0, 0}, second{b.x0, b.y0, b.x1, b.y1, 0, 0};
  return ht_box_overlap(&first, &second);
}

std::vector<Candidate> suppress(const std::vector<Candidate>& candidates, float threshold, int max_detections) {
  std::vector<ht_candidate> items;
  for (const auto& [box, score, index] : candidates)
    items.push_back({{box.x0, box.y0, box.x1, box.y1, score, index}, static_cast<int32_t>(items.size())});
  return ht::suppress(items, threshold, max_detections);
}

TEST(Nms, OverlapOfKnownBoxes) {
  EXPECT_FLOAT_EQ(overlap({0, 0, 10, 10}, {0, 0, 10, 10}), 1);
  EXPECT_FLOAT_EQ(overlap({0, 0, 10, 10}, {5, 0, 15, 10}), 1.0f / 3);
  EXPECT_EQ(overlap({0, 0, 10, 10}, {10, 0, 20, 10}), 0);
  EXPECT_EQ(overlap({5, 5, 5, 5}, {5, 5, 5, 5}), 0);
  EXPECT_EQ(overlap({10, 10, 0, 0}, {0, 0, 10, 10}), 0);
}

TEST(Nms, KeepsTheBestOfEachClassAndTiesInOrder) {
  const std::vector<Candidate> candidates = {
      {{0, 0, 10, 10}, 0.5f, 0}, {{0, 0, 10, 10}, 0.9f, 1}, {{1, 0, 11, 10}, 0.5f, 0}, {{40, 40, 50, 50}, 0.5f, 0}};
  const auto kept = suppress(candidates, 0.5f, 100);
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[0], candidates[1]);
  EXPECT_EQ(kept[1], candidates[0]);
  EXPECT_EQ(kept[2], candidates[3]);
}

TEST(Nms, AnOverlapOfExactlyTheThresholdStays) {
  const std::vector<Candidate> candidates = {{{0, 0, 8, 8}, 0.9f, 0}, {{0, 0, 8, 4}, 0.8f, 0}};
  EXPECT_EQ(suppress(candidates, 0.5f, 100).size(), 2u);
  EXPECT_EQ(suppress(candidates, 0.49f, 100).size(), 1u);
}

TEST(Nms, EndsAtTheMostDetectionsOfAllClasses) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(0, 1000);
  std::vector<Candidate> candidates;
  for (int i = 0; i < 20000; ++i) {
    const float x = uniform(random), y = uniform(random);
    candidates.push_back({{x, y, x + 5, y + 5}, uniform(random), i % 80});
  }
  const auto kept = suppress(candidates, 0.5f, 100);
  ASSERT_EQ(kept.size(), 100u);
  for (size_t i = 1; i < kept.size(); ++i) EXPECT_GE(kept[i - 1].score, kept[i].score);
  EXPECT_TRUE(suppress({}, 0.5f, 100).empty());
}

}  // namespace
}  // namespace ht
