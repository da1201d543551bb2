// SPDX-License-Identifier: Apache-2.0
// Which element has which scale, and which scales a tensor can have.
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "ir/dequantize.h"

namespace ht {
namespace {

Affine counted(const Shape& shape, int64_t block = 0) {
  std::vector<float> scales(static_cast<size_t>(element_count(shape)));
  std::iota(scales.begin(), scales.end(), 1.0f);
  return *Affine::make(shape, scales, {}, block);
}

// The scale at [i][j][k] of a tensor [2][7][3] by its definition.
float scale_at(const Affine& affine, const Shape& along, int64_t i, int64_t j, int64_t k) {
  const Shape& shape = affine.shape();
  const int64_t position = (i / along[0] * shape[1] + j / along[1]) * shape[2] + k / along[2];
  return affine.scales()[static_cast<size_t>(position)];
}

TEST(Affine, GivesEachElementItsScale) {
  const Shape tensor = {2, 7, 3};
  struct Case {
    Shape scales, along;  // how many indices of each axis share one
    int64_t block;
  };
  for (const Case& c : {Case{{2, 3, 3}, {1, 3, 1}, 3}, Case{{2, 2, 1}, {1, 4, 3}, 4}, Case{{1, 2, 3}, {2, 6, 1}, 6}, Case{{2, 7, 2}, {1, 1, 2}, 2},
                        Case{{2, 1, 3}, {1, 7, 1}, 0}, Case{{1, 7, 1}, {2, 1, 3}, 0}, Case{{2, 7, 3}, {1, 1, 1}, 0}}) {
    SCOPED_TRACE(shape_text(c.scales));
    const Affine affine = counted(c.scales, c.block);
    ASSERT_TRUE(affine.fits(DType::kInt4, tensor));
    const std::vector<int8_t> ones(42, 1);
    const Tensor real = dequantize(Tensor::of<int8_t>(DType::kInt4, tensor, ones), affine);
    for (int64_t flat = 0; flat < 42; ++flat) {
      const float expected = scale_at(affine, c.along, flat / 21, flat / 3 % 7, flat % 3);
      EXPECT_EQ(affine.scales()[affine.index_of(tensor, flat)], expected) << flat;
      EXPECT_EQ(real.data<float>()[static_cast<size_t>(flat)], expected) << flat;
    }
  }
}

TEST(Affine, RefusesScalesThatDoNotFit) {
  EXPECT_FALSE(counted({2, 3}).fits(DType::kInt8, {2, 6}));     // runs of which length?
  EXPECT_FALSE(counted({2, 3}, 4).fits(DType::kInt8, {2, 6}));  // two blocks
  EXPECT_FALSE(counted({2, 3}, 2).fits(DType::kInt8, {2, 8}));  // four blocks
  EXPECT_FALSE(counted({2, 3}, 2).fits(DType::kInt8, {4, 6}));  // two axes in blocks
  EXPECT_FALSE(counted({2, 6}, 2).fits(DType::kInt8, {2, 6}));  // no axis in blocks
  EXPECT_FALSE(counted({2, 3}, 2).fits(DType::kInt8, {2, 6, 1}));
  EXPECT_TRUE(counted({2, 3}, 2).fits(DType::kInt8, {2, 6}));
  EXPECT_FALSE(Affine::make({2}, {1, 2}, {}, 1));
  EXPECT_FALSE(Affine::make({2}, {1, 2}, {}, -3));
  EXPECT_FALSE(Affine::make({1}, {1}, {}, 4));
}

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
