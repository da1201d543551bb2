// SPDX-License-Identifier: Apache-2.0
// What must hold of resizing without an oracle; tests/oracle/test_image.py compares with OpenCV.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "image/frame.h"
#include "kernels/c/ht_image_resize.h"
#include "samples.h"

namespace ht {
namespace {

constexpr int32_t kAll[] = {HT_IMAGE_NEAREST, HT_IMAGE_BILINEAR, HT_IMAGE_AREA, HT_IMAGE_CUBIC};

// Buffers of exactly the size asked for, so that the address sanitizer sees a step outside.
Image resized(const Image& source, int width, int height, int32_t interpolation) {
  const ht_image_resize_params parameters = {width, height, 0, width, source.channels, interpolation};
  const ht_frame frame = *kernel_frame(frame_of(source));
  Image result{width, height, source.channels, {}};
  result.pixels.resize(static_cast<size_t>(width) * height * source.channels);
  std::vector<uint64_t> scratch(ht_image_resize_scratch(&parameters, &frame) / 8);
  ht_image_resizer resizer;
  ht_image_resize_begin(&resizer, &parameters, &frame, scratch.data());
  for (int y = 0; y < height; ++y) ht_image_resize_row(&resizer, y, result.row(y));
  return result;
}

TEST(Resize, ToTheSameSizeIsACopy) {
  const Image image = random_image(13, 7, 3, 1);
  for (int32_t interpolation : kAll) EXPECT_EQ(resized(image, 13, 7, interpolation), image);
}

TEST(Resize, KeepsOneColour) {
  std::mt19937 random(2);
  for (int run = 0; run < 400; ++run) {
    const int width = 1 + static_cast<int>(random() % 40), height = 1 + static_cast<int>(random() % 40);
    const auto value = static_cast<uint8_t>(random());
    const Image image{width, height, 1, std::vector<uint8_t>(static_cast<size_t>(width) * height, value)};
    const int32_t interpolation = kAll[run % 4];
    const Image result = resized(image, 1 + static_cast<int>(random() % 60), 1 + static_cast<int>(random() % 60), interpolation);
    for (uint8_t pixel : result.pixels) ASSERT_NEAR(pixel, value, 1) << interpolation << ' ' << width << ' ' << height;
  }
}

TEST(Resize, ChannelsDoNotMix) {
  std::mt19937 random(3);
  for (int run = 0; run < 200; ++run) {
    const int width = 1 + static_cast<int>(random() % 30), height = 1 + static_cast<int>(random() % 30);
    const int to_width = 1 + static_cast<int>(random() % 50), to_height = 1 + static_cast<int>(random() % 50);
    const Image image = random_image(width, height, 3, random());
    const int32_t interpolation = kAll[run % 4];
    const Image together = resized(image, to_width, to_height, interpolation);
    for (size_t c = 0; c < 3; ++c) {
      Image one{width, height, 1, {}};
      for (size_t i = c; i < image.pixels.size(); i += 3) one.pixels.push_back(image.pixels[i]);
      const Image alone = resized(one, to_width, to_height, interpolation);
      for (size_t i = 0; i < alone.pixels.size(); ++i) ASSERT_EQ(together.pixels[3 * i + c], alone.pixels[i]);
    }
  }
}

// Area is the mean of what a pixel covers, here computed in double over the exact cells.
TEST(Resize, AreaIsTheMeanOfTheCell) {
  const Image image = random_image(31, 22, 1, 4);
  const int width = 7, height = 5;
  const Image result = resized(image, width, height, HT_IMAGE_AREA);
  const auto overlap = [](double from, double to, int cell) {
    return std::max(0.0, std::min(to, cell + 1.0) - std::max(from, cell * 1.0));
  };
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      double sum = 0;
      for (int v = 0; v < 22; ++v)
        for (int u = 0; u < 31; ++u)
          sum += overlap(x * 31.0 / width, (x + 1) * 31.0 / width, u) * overlap(y * 22.0 / height, (y + 1) * 22.0 / height, v) *
                 image.row(v)[u];
      EXPECT_NEAR(result.row(y)[x], sum / (31.0 * 22.0 / width / height), 0.51);
    }
  }
}

TEST(Resize, BilinearIsCloseToExactArithmetic) {
  const Image image = random_image(29, 17, 1, 5);
  const int width = 41, height = 11;
  const Image result = resized(image, width, height, HT_IMAGE_BILINEAR);
  const auto at = [&](int x, int y) { return image.row(std::clamp(y, 0, 16))[std::clamp(x, 0, 28)]; };
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = (x + 0.5) * 29 / width - 0.5, v = (y + 0.5) * 17 / height - 0.5;
      const int left = static_cast<int>(std::floor(u)), top = static_cast<int>(std::floor(v));
      const double a = u - left, b = v - top;
      const double expected = (1 - b) * ((1 - a) * at(left, top) + a * at(left + 1, top)) +
                              b * ((1 - a) * at(left, top + 1) + a * at(left + 1, top + 1));
      EXPECT_NEAR(result.row(y)[x], expected, 1.0);
    }
  }
}

}  // namespace
}  // namespace ht
