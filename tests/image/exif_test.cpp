// SPDX-License-Identifier: Apache-2.0
#include "image/exif.h"

#include <gtest/gtest.h>

#include <vector>

namespace ht {
namespace {

// A TIFF block with one entry: tag, type short, count 1, value.
std::vector<uint8_t> tiff(bool big_endian, uint16_t tag, uint16_t value) {
  std::vector<uint8_t> bytes;
  const auto put = [&](uint32_t v, int count) {
    for (int i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(v >> 8 * (big_endian ? count - 1 - i : i)));
  };
  bytes.assign(2, big_endian ? 'M' : 'I');
  put(42, 2);
  put(8, 4);
  put(1, 2);
  put(tag, 2);
  put(3, 2);
  put(1, 4);
  put(value, 2);
  put(0, 2);
  put(0, 4);
  return bytes;
}

TEST(Exif, ReadsBothByteOrders) {
  for (uint16_t value = 1; value <= 8; ++value) {
    EXPECT_EQ(exif_orientation(tiff(false, 0x0112, value)), value);
    EXPECT_EQ(exif_orientation(tiff(true, 0x0112, value)), value);
  }
}

TEST(Exif, TakesWhatMakesNoSenseForUpright) {
  EXPECT_EQ(exif_orientation({}), 1);
  EXPECT_EQ(exif_orientation(tiff(false, 0x0112, 0)), 1);
  EXPECT_EQ(exif_orientation(tiff(false, 0x0112, 9)), 1);
  EXPECT_EQ(exif_orientation(tiff(false, 0x0111, 6)), 1);
}

TEST(Exif, SurvivesEveryTruncationAndBitFlip) {
  const std::vector<uint8_t> whole = tiff(true, 0x0112, 6);
  for (size_t length = 0; length < whole.size(); ++length) {
    const int orientation = exif_orientation(std::span(whole).first(length));
    EXPECT_TRUE(orientation == 1 || orientation == 6);
  }
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::vector<uint8_t> damaged = whole;
    damaged[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const int orientation = exif_orientation(damaged);
    EXPECT_GE(orientation, 1);
    EXPECT_LE(orientation, 8);
  }
}

// How a picture of two rows, 1 2 3 and 4 5 6, stands up. The expected rows follow from the standard's table of where row 0 and
// column 0 of the stored picture belong (top, left: 1; top, right: 2; bottom, right: 3; ...).
TEST(Exif, TurnsUpright) {
  struct Case {
    int orientation, width;
    std::vector<uint8_t> pixels;
  };
  const Case cases[] = {{1, 3, {1, 2, 3, 4, 5, 6}}, {2, 3, {3, 2, 1, 6, 5, 4}}, {3, 3, {6, 5, 4, 3, 2, 1}},
                        {4, 3, {4, 5, 6, 1, 2, 3}}, {5, 2, {1, 4, 2, 5, 3, 6}}, {6, 2, {4, 1, 5, 2, 6, 3}},
                        {7, 2, {6, 3, 5, 2, 4, 1}}, {8, 2, {3, 6, 2, 5, 1, 4}}};
  for (const Case& c : cases) {
    const Image turned = upright(Image{3, 2, 1, {1, 2, 3, 4, 5, 6}}, c.orientation);
    EXPECT_EQ(turned.width, c.width) << c.orientation;
    EXPECT_EQ(turned.height, 6 / c.width) << c.orientation;
    EXPECT_EQ(turned.pixels, c.pixels) << c.orientation;
  }
}

}  // namespace
}  // namespace ht
