// SPDX-License-Identifier: Apache-2.0
#include "image/decode.h"

#include <gtest/gtest.h>
#include <webp/encode.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>

#include "base/file.h"
#include "image/encode.h"
#include "samples.h"

namespace ht {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes webp(const Image& image, bool lossless) {
  uint8_t* data = nullptr;
  const size_t size = lossless ? WebPEncodeLosslessRGB(image.pixels.data(), image.width, image.height, image.width * 3, &data)
                               : WebPEncodeRGB(image.pixels.data(), image.width, image.height, image.width * 3, 80, &data);
  Bytes bytes(data, data + size);
  WebPFree(data);
  return bytes;
}

int largest_difference(const Image& a, const Image& b) {
  int largest = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  return largest;
}

TEST(Decode, PngKeepsEveryPixel) {
  for (const auto& [width, height] : {std::pair{1, 1}, {7, 3}, {64, 65}}) {
    const Image image = random_image(width, height, 3, 1);
    const Result<Image> back = decode_image(*encode_png(image));
    ASSERT_TRUE(back) << back.error().text();
    EXPECT_EQ(*back, image);
  }
}

TEST(Decode, GreyBecomesThreeEqualChannels) {
  const Image grey = random_image(9, 5, 1, 2);
  const Result<Image> back = decode_image(*encode_png(grey));
  ASSERT_TRUE(back) << back.error().text();
  ASSERT_EQ(back->channels, 3);
  for (size_t i = 0; i < grey.pixels.size(); ++i)
    for (size_t c = 0; c < 3; ++c) EXPECT_EQ(back->pixels[3 * i + c], grey.pixels[i]);
}

TEST(Decode, LosslessWebpKeepsEveryPixel) {
  const Image image = random_image(33, 17, 3, 3);
  const Result<Image> back = decode_image(webp(image, true));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, image);
}

TEST(Decode, JpegAndLossyWebpComeClose) {
  const Image image = smooth_image(61, 43);
  for (const Bytes& bytes : {*encode_jpeg(image, 95), webp(image, false)}) {
    const Result<Image> back = decode_image(bytes);
    ASSERT_TRUE(back) << back.error().text();
    ASSERT_EQ(back->width, image.width);
    ASSERT_EQ(back->height, image.height);
    EXPECT_LE(largest_difference(*back, image), 24);
  }
}

TEST(Decode, RefusesWhatIsNoImage) {
  for (const Bytes& bytes : {Bytes{}, Bytes{0xFF}, Bytes{'G', 'I', 'F', '8'}, Bytes(1000, 7)}) {
    const Result<Image> image = decode_image(bytes);
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, ErrorCode::kInput);
  }
}

TEST(Decode, RefusesMorePixelsThanAllowed) {
  const Image image = smooth_image(20, 10);
  for (const Bytes& bytes : {*encode_png(image), *encode_jpeg(image), webp(image, true)}) {
    EXPECT_TRUE(decode_image(bytes, {.max_pixels = 200}));
    const Result<Image> refused = decode_image(bytes, {.max_pixels = 199});
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("20 x 10"), std::string::npos);
  }
}

// The header promises 65500 x 65500 pixels; nothing of that size may be allocated first.
TEST(Decode, RefusesHugePromisesOfSmallFiles) {
  Bytes jpeg = *encode_jpeg(smooth_image(8, 8));
  for (size_t i = 0; i + 9 < jpeg.size(); ++i) {
    if (jpeg[i] != 0xFF || jpeg[i + 1] != 0xC0) continue;
    for (size_t k = 5; k < 9; k += 2) {
      jpeg[i + k] = 0x3F;
      jpeg[i + k + 1] = 0xFF;
    }
  }
  const Result<Image> image = decode_image(jpeg);
  ASSERT_FALSE(image);
  EXPECT_NE(image.error().message.find("ends early"), std::string::npos) << image.error().message;
}

TEST(Decode, NamesTheDamagedFile) {
  const auto path = std::filesystem::temp_directory_path() / "halftone_truncated_photo.jpg";
  Bytes jpeg = *encode_jpeg(random_image(64, 64, 3, 4));
  jpeg.resize(jpeg.size() / 2);
  ASSERT_TRUE(write_file(path, jpeg));
  const Result<Image> image = read_image(path);
  std::filesystem::remove(path);
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, ErrorCode::kInput);
  EXPECT_EQ(image.error().place, path.string());
}

class Damaged : public testing::TestWithParam<std::function<Bytes()>> {};

TEST_P(Damaged, EveryTruncationIsAnError) {
  const Bytes whole = GetParam()();
  ASSERT_TRUE(decode_image(whole));
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(decode_image(std::span(whole).first(length))) << length << " of " << whole.size() << " bytes";
  }
}

// Some flips only change pixels; none may do anything but give a picture or an error.
TEST_P(Damaged, NoBitFlipDoesHarm) {
  const Bytes whole = GetParam()();
  std::mt19937 random(5);
  for (int run = 0; run < 1500; ++run) {
    Bytes damaged = whole;
    for (uint32_t flips = 1 + random() % 4; flips > 0; --flips)
      damaged[random() % damaged.size()] ^= static_cast<uint8_t>(1u << random() % 8);
    const Result<Image> image = decode_image(damaged, {.max_pixels = 1 << 20});
    if (image) {
      EXPECT_EQ(image->pixels.size(), static_cast<size_t>(image->width) * image->height * 3);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, Damaged,
                         testing::Values([] { return *encode_jpeg(random_image(41, 23, 3, 6)); },
                                         [] { return *encode_jpeg(smooth_image(41, 23)); },
                                         [] { return *encode_png(random_image(41, 23, 3, 7)); },
                                         [] { return webp(random_image(41, 23, 3, 8), false); },
                                         [] { return webp(random_image(41, 23, 3, 9), true); }));

TEST(Encode, RefusesWhatIsNoImage) {
  EXPECT_FALSE(encode_png(Image{}));
  EXPECT_FALSE(encode_png(Image{2, 2, 3, {1, 2, 3}}));
  EXPECT_FALSE(encode_jpeg(Image{2, 2, 2, Bytes(8)}));
  EXPECT_FALSE(encode_jpeg(smooth_image(4, 4), 0));
  EXPECT_FALSE(encode_jpeg(Image{70000, 1, 1, Bytes(70000)}));
  EXPECT_FALSE(write_image("picture.gif", smooth_image(4, 4)));
}

TEST(Encode, GivesTheSameBytesAgain) {
  const Image image = random_image(50, 40, 3, 10);
  EXPECT_EQ(*encode_png(image), *encode_png(image));
  EXPECT_EQ(*encode_jpeg(image), *encode_jpeg(image));
}

}  // namespace
}  // namespace ht
