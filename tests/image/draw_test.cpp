// SPDX-License-Identifier: Apache-2.0
#include "image/draw.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "samples.h"

namespace ht {
namespace {

Image black(int width, int height) { return {width, height, 3, std::vector<uint8_t>(static_cast<size_t>(width) * height * 3)}; }

int64_t changed_pixels(const Image& a, const Image& b, int top, int bottom) {
  int64_t count = 0;
  for (int y = top; y < bottom; ++y)
    for (int x = 0; x < a.width; ++x)
      if (!std::equal(a.row(y) + 3 * x, a.row(y) + 3 * x + 3, b.row(y) + 3 * x)) ++count;
  return count;
}

TEST(Draw, NoBoxesChangeNothing) {
  const Image photo = random_image(31, 17, 3, 1);
  const Result<Image> drawn = draw_boxes(photo, {});
  ASSERT_TRUE(drawn);
  EXPECT_EQ(*drawn, photo);
}

TEST(Draw, BoxHasItsColourAtItsEdge) {
  const Image photo = black(200, 100);
  const LabelledBox box{40, 30, 100, 50, "", {200, 100, 50}};
  const Result<Image> drawn = draw_boxes(photo, std::span(&box, 1));
  ASSERT_TRUE(drawn);
  const uint8_t* edge = drawn->row(30) + 3 * 90;
  EXPECT_NEAR(edge[0], 200, 60);
  EXPECT_GT(edge[0], edge[1]);
  EXPECT_GT(edge[1], edge[2]);
  EXPECT_EQ(drawn->row(55)[3 * 90], 0);
}

// The font is part of the program, so a label leaves ink on a machine without fonts too.
TEST(Draw, LabelLeavesInkAboveTheBox) {
  const Image photo = black(200, 100);
  const LabelledBox box{40, 50, 100, 40, "person 0.93", {0, 90, 0}};
  const Result<Image> drawn = draw_boxes(photo, std::span(&box, 1));
  ASSERT_TRUE(drawn);
  EXPECT_GT(changed_pixels(photo, *drawn, 30, 48), 100);
  std::set<int> shades;
  for (int y = 36; y < 48; ++y)
    for (int x = 40; x < 110; ++x) shades.insert(drawn->row(y)[3 * x]);
  EXPECT_GT(shades.size(), 2u);
}

TEST(Draw, SurvivesBoxesFromNowhere) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const LabelledBox boxes[] = {{-1e30, -1e30, 2e30, 2e30, "all", {255, 0, 0}},
                               {kInfinity, 0, 1, 1, "far", {255, 0, 0}},
                               {0, 0, std::numeric_limits<double>::quiet_NaN(), 1, "nan", {255, 0, 0}},
                               {10, 10, -5, -5, "turned", {255, 0, 0}},
                               {3, 3, 1, 1, "\xff\xfe not UTF-8 \xc3\xa9", {255, 0, 0}},
                               {3, 3, 1, 1, std::string(100000, 'm'), {255, 0, 0}}};
  EXPECT_TRUE(draw_boxes(black(40, 30), boxes));
  EXPECT_TRUE(draw_boxes(black(1, 1), boxes));
}

TEST(Draw, ImagesStandSideBySide) {
  const Captioned images[] = {{black(100, 80), "float"}, {black(50, 40), "int8"}};
  const Result<Image> joined = side_by_side(images);
  ASSERT_TRUE(joined);
  EXPECT_GE(joined->width, 200);
  EXPECT_GT(joined->height, 80);
  EXPECT_EQ(joined->row(joined->height - 1)[3 * 50], 0);
  EXPECT_EQ(joined->row(joined->height - 1)[3 * 104], 255);
  EXPECT_EQ(joined->row(joined->height - 40)[3 * 150], 0);
  EXPECT_FALSE(side_by_side({}));
}

TEST(Draw, NeighbouringClassesDiffer) {
  std::set<std::tuple<int, int, int>> colors;
  for (int i = 0; i < 80; ++i) {
    const Color color = class_color(i);
    colors.insert({color.red, color.green, color.blue});
  }
  EXPECT_EQ(colors.size(), 80u);
}

}  // namespace
}  // namespace ht
