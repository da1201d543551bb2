// SPDX-License-Identifier: Apache-2.0
#include "image/preprocess.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "samples.h"

namespace ht {
namespace {

Preprocess sized(int height, int width, ResizeRule resize, Place place = Place::kTopLeft) {
  Preprocess p;
  p.height = height;
  p.width = width;
  p.resize = resize;
  p.place = place;
  return p;
}

Image plain(int width, int height, uint8_t red, uint8_t green, uint8_t blue) {
  Image image{width, height, 3, {}};
  for (int i = 0; i < width * height; ++i) {
    for (uint8_t value : {red, green, blue}) image.pixels.push_back(value);
  }
  return image;
}

TEST(Preprocess, NamesGoBothWays) {
  for (ResizeRule v : {ResizeRule::kLetterbox, ResizeRule::kStretch, ResizeRule::kCenterCrop, ResizeRule::kNone})
    EXPECT_EQ(parse_resize(name_of(v)), v);
  for (Place v : {Place::kTopLeft, Place::kCenter}) EXPECT_EQ(parse_place(name_of(v)), v);
  for (ColorOrder v : {ColorOrder::kBgr, ColorOrder::kRgb, ColorOrder::kGray}) EXPECT_EQ(parse_color_order(name_of(v)), v);
  for (PixelLayout v : {PixelLayout::kNchw, PixelLayout::kNhwc}) EXPECT_EQ(parse_layout(name_of(v)), v);
  for (Interpolation v : {Interpolation::kBilinear, Interpolation::kArea, Interpolation::kNearest, Interpolation::kCubic}) {
    EXPECT_EQ(parse_interpolation(name_of(v)), v);
  }
  EXPECT_EQ(parse_resize("Letterbox"), std::nullopt);
}

TEST(Preprocess, LetterboxTopLeftDividesByTheWantedScale) {
  const auto placed = photo_placement(640, 427, sized(416, 416, ResizeRule::kLetterbox));
  ASSERT_TRUE(placed);
  EXPECT_EQ(*placed, (PhotoPlacement{0.65, 0.65, 0, 0}));
  EXPECT_DOUBLE_EQ(placed->photo_x(65), 100);
}

TEST(Preprocess, LetterboxInTheCentreUsesWholePixels) {
  // 640 x 427 at 0.5 is 320 x 213.5, cut to 213; (320 - 213) / 2 = 53.5, cut to 53.
  const auto placed = photo_placement(640, 427, sized(320, 320, ResizeRule::kLetterbox, Place::kCenter));
  ASSERT_TRUE(placed);
  EXPECT_EQ(*placed, (PhotoPlacement{0.5, 213.0 / 427.0, 0, 53}));
  EXPECT_DOUBLE_EQ(placed->photo_y(53), 0);
  EXPECT_DOUBLE_EQ(placed->photo_y(53 + 213), 427);
}

TEST(Preprocess, StretchAndCropPlacements) {
  EXPECT_EQ(*photo_placement(640, 320, sized(160, 160, ResizeRule::kStretch)), (PhotoPlacement{0.25, 0.5, 0, 0}));
  EXPECT_EQ(*photo_placement(640, 320, sized(160, 160, ResizeRule::kCenterCrop)), (PhotoPlacement{0.5, 0.5, -80, 0}));
  EXPECT_EQ(*photo_placement(7, 5, sized(5, 7, ResizeRule::kNone)), PhotoPlacement{});
}

TEST(Preprocess, RefusesWhatCannotBe) {
  EXPECT_FALSE(photo_placement(8, 5, sized(5, 7, ResizeRule::kNone)));
  EXPECT_FALSE(photo_placement(1, 100000, sized(1000, 1000, ResizeRule::kCenterCrop)));
  EXPECT_FALSE(photo_placement(0, 5, sized(5, 7, ResizeRule::kStretch)));
  EXPECT_FALSE(check(sized(0, 7, ResizeRule::kStretch)));
  EXPECT_FALSE(check(sized(7, 1 << 20, ResizeRule::kStretch)));
  Preprocess p = sized(5, 7, ResizeRule::kStretch);
  EXPECT_TRUE(check(p));
  p.std[1] = 0;
  EXPECT_FALSE(check(p));
  p.color = ColorOrder::kGray;
  EXPECT_TRUE(check(p)) << "grey has no second channel";
  p.mean[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(check(p));
  EXPECT_FALSE(preprocess_pixels(Image{2, 2, 1, {1, 2, 3, 4}}, sized(2, 2, ResizeRule::kNone)));
  std::vector<float> out(3);
  EXPECT_FALSE(preprocess(plain(2, 2, 1, 2, 3), sized(2, 2, ResizeRule::kNone), PixelLayout::kNchw, out));
}

TEST(Preprocess, PadsAroundThePhotoInTheOrderOfColour) {
  for (const Place place : {Place::kTopLeft, Place::kCenter}) {
    for (const auto& [width, height] : {std::pair{20, 10}, {10, 20}}) {
      Preprocess p = sized(9, 9, ResizeRule::kLetterbox, place);
      p.pad = {1, 2, 3};
      const Result<Image> input = preprocess_pixels(plain(width, height, 30, 20, 10), p);
      ASSERT_TRUE(input);
      // 20 x 10 at 0.45 is 9 x 4.5, cut to 4; (9 - 4) / 2 = 2.5, cut to 2.
      const int first = place == Place::kCenter ? 2 : 0;
      for (int y = 0; y < 9; ++y) {
        for (int x = 0; x < 9; ++x) {
          const int along = width > height ? y : x;
          const bool inside = along >= first && along < first + 4;
          const std::vector<uint8_t> pixel(input->row(y) + 3 * x, input->row(y) + 3 * x + 3);
          EXPECT_EQ(pixel, (inside ? std::vector<uint8_t>{10, 20, 30} : std::vector<uint8_t>{1, 2, 3})) << x << ' ' << y;
        }
      }
    }
  }
}

TEST(Preprocess, CropsTheCentre) {
  // Columns 0 to 9, each of its own value; 4 of them stay in the middle.
  Image photo{10, 4, 3, {}};
  for (int y = 0; y < 4; ++y)
    for (int i = 0; i < 30; ++i) photo.pixels.push_back(static_cast<uint8_t>(i / 3));
  const Result<Image> input = preprocess_pixels(photo, sized(4, 4, ResizeRule::kCenterCrop));
  ASSERT_TRUE(input);
  for (int x = 0; x < 4; ++x) EXPECT_EQ(input->row(2)[3 * x], 3 + x);
}

TEST(Preprocess, GreyHasTheWeightsOfRec601) {
  Preprocess p = sized(1, 1, ResizeRule::kNone);
  p.color = ColorOrder::kGray;
  const auto grey = [&](uint8_t r, uint8_t g, uint8_t b) {
    return static_cast<int>(preprocess_pixels(plain(1, 1, r, g, b), p)->pixels[0]);
  };
  EXPECT_EQ(grey(255, 0, 0), 76);   // 0.299 * 255 = 76.2
  EXPECT_EQ(grey(0, 255, 0), 150);  // 0.587 * 255 = 149.7
  EXPECT_EQ(grey(0, 0, 255), 29);   // 0.114 * 255 = 29.1
  EXPECT_EQ(grey(255, 255, 255), 255);
}

TEST(Preprocess, SubtractsAndDividesInFloat) {
  const Image photo = random_image(5, 3, 3, 1);
  Preprocess p = sized(3, 5, ResizeRule::kNone);
  p.color = ColorOrder::kRgb;
  p.mean = {123.675f, 116.28f, 103.53f};
  p.std = {58.395f, 57.12f, 57.375f};
  std::vector<float> planar(45), interleaved(45);
  ASSERT_TRUE(preprocess(photo, p, PixelLayout::kNchw, planar));
  ASSERT_TRUE(preprocess(photo, p, PixelLayout::kNhwc, interleaved));
  for (size_t i = 0; i < 15; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      const volatile float difference = static_cast<float>(photo.pixels[3 * i + c]) - p.mean[c];
      const float expected = difference / p.std[c];
      EXPECT_EQ(planar[c * 15 + i], expected);
      EXPECT_EQ(interleaved[3 * i + c], expected);
    }
  }
}

}  // namespace
}  // namespace ht
