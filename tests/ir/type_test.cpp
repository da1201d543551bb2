// SPDX-License-Identifier: Apache-2.0
#include "ir/type.h"

#include <gtest/gtest.h>

#include <limits>

namespace ht {
namespace {

// Scales of shape [2][1][3] times a factor for each of four indices of the middle axis, written out.
TEST(Affine, FactorsAreAsScalesWrittenOut) {
  const std::vector<float> base = {0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f}, factors = {1.7f, 0.3f, 5, 0.01f};
  const std::vector<int32_t> zero_points = {1, 2, 3, 4, 5, 6};
  const auto made = Affine::make({2, 1, 3}, base, zero_points)->times(factors, 1, 3);
  ASSERT_TRUE(made) << made.error().text();
  std::vector<float> scales;
  std::vector<int32_t> points;
  for (size_t outer = 0; outer < 2; ++outer)
    for (float factor : factors)
      for (size_t inner = 0; inner < 3; ++inner) {
        scales.push_back(base[outer * 3 + inner] * factor);
        points.push_back(zero_points[outer * 3 + inner]);
      }
  for (size_t i = 0; i < scales.size(); ++i) {
    const AffineTable::Place place = made->table().place_of(i);
    EXPECT_EQ(made->table().scale(place), scales[i]) << i;
    EXPECT_EQ(made->table().zero_point(place), points[i]) << i;
  }
  EXPECT_EQ(made->shape(), (Shape{2, 4, 3}));
  EXPECT_EQ(made->scales(), scales);
  EXPECT_EQ(made->zero_points(), points);
  EXPECT_EQ(*made, *Affine::make({2, 4, 3}, scales, points));
  scales.back() *= 2;
  EXPECT_NE(*made, *Affine::make({2, 4, 3}, scales, points));
}

TEST(Affine, FactorsOfOneScaleForAll) {
  const auto made = Affine::per_tensor(0.5f)->times({2, 4}, 1, 3);
  ASSERT_TRUE(made) << made.error().text();
  EXPECT_EQ(*made, *Affine::per_axis({1, 2}, {}, 1, 3));
}

TEST(Affine, FactorsThatMakeNoScalesAreRefused) {
  const auto affine = Affine::make({2, 1}, {0.5f, 1e-20f}, {});
  EXPECT_FALSE(affine->times({1, 2}, 0, 2)) << "the scales vary along that axis";
  EXPECT_FALSE(affine->times({1, 2}, 2, 2));
  EXPECT_FALSE(affine->times({}, 1, 2));
  for (const float bad : {0.0f, -1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e-20f})
    EXPECT_FALSE(affine->times({1, bad}, 1, 2)) << bad;
}

}  // namespace
}  // namespace ht
