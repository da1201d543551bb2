// SPDX-License-Identifier: Apache-2.0
// Which element has which scale, and which scales a tensor can have.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace ht
