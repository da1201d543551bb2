// SPDX-License-Identifier: Apache-2.0
// Camera frames: the same pixels give the same input however they lie in memory; tests/oracle/test_image.py compares with OpenCV.
#include "image/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "image/input_kernel.h"
#include "samples.h"

namespace ht {
namespace {

// A random frame with gaps between its rows, which are not zeros.
struct Memory {
  std::vector<uint8_t> bytes;
  Frame frame;

  Memory(int width, int height, FrameFormat format, std::mt19937& random) {
    const int pixel = format == FrameFormat::kRgb888 ? 3 : format == FrameFormat::kRgb565 ? 2 : 1;
    const int stride = width * pixel + static_cast<int>(random() % 5);
    bytes.resize(static_cast<size_t>(stride * (height - 1) + width * pixel));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    frame = {bytes, width, height, stride, format, {}};
  }
};

int within(int low, int high, std::mt19937& random) { return std::uniform_int_distribution<int>(low, high)(random); }

Crop random_crop(int width, int height, std::mt19937& random) {
  Crop crop;
  crop.width = within(1, width, random);
  crop.height = within(1, height, random);
  crop.x = within(0, width - crop.width, random);
  crop.y = within(0, height - crop.height, random);
  return crop;
}

Preprocess random_preprocess(std::mt19937& random) {
  Preprocess p;
  p.height = within(1, 40, random);
  p.width = within(1, 40, random);
  p.resize = std::array{ResizeRule::kLetterbox, ResizeRule::kStretch, ResizeRule::kCenterCrop}[random() % 3];
  p.place = std::array{Place::kTopLeft, Place::kCenter}[random() % 2];
  p.color = std::array{ColorOrder::kBgr, ColorOrder::kRgb, ColorOrder::kGray}[random() % 3];
  p.interpolation = std::array{Interpolation::kBilinear, Interpolation::kArea, Interpolation::kNearest, Interpolation::kCubic}[random() % 4];
  for (size_t c = 0; c < 3; ++c) {
    p.pad[c] = static_cast<uint8_t>(random());
    p.mean[c] = static_cast<float>(within(0, 200, random));
    p.std[c] = static_cast<float>(within(1, 99, random)) / 7;
  }
  return p;
}

InputElements random_elements(const Preprocess& p, int32_t type, std::mt19937& random) {
  InputElements elements;
  elements.type = type;
  elements.layout = random() % 2 ? PixelLayout::kNchw : PixelLayout::kNhwc;
  const int low = type == HT_VALUES_S8 ? -128 : type == HT_VALUES_U8 ? 0 : -32768, high = type == HT_VALUES_S16 ? 32767 : low + 255;
  const int count = random() % 2 ? p.channels() : 1;
  for (int c = 0; c < count; ++c) {
    elements.scales.push_back(static_cast<float>(within(1, 1000, random)) / 3000);
    elements.zero_points.push_back(within(low, high, random));
  }
  return elements;
}

TEST(Frame, SixteenBitsSpreadToTwentyFour) {
  const std::vector<uint8_t> bytes = {0x00, 0x00, 0xff, 0xff, 0x00, 0xf8, 0xe0, 0x07, 0x1f, 0x00, 0x41, 0x08};
  const auto image = to_image({bytes, 3, 2, 0, FrameFormat::kRgb565, {}});
  ASSERT_TRUE(image);
  EXPECT_EQ(image->pixels, (std::vector<uint8_t>{0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255, 8, 8, 8}));
  EXPECT_EQ(pack_rgb565(*image), bytes);
}

TEST(Frame, GivesTheInputOfItsPixelsAsAPhoto) {
  std::mt19937 random(1);
  for (int run = 0; run < 600; ++run) {
    const auto format = static_cast<FrameFormat>(run % 3);
    Memory memory(within(1, 50, random), within(1, 50, random), format, random);
    if (random() % 2) memory.frame.crop = random_crop(memory.frame.width, memory.frame.height, random);
    const Preprocess p = random_preprocess(random);
    const auto photo = to_image(memory.frame);
    ASSERT_TRUE(photo);
    std::vector<float> from_photo(static_cast<size_t>(p.elements())), from_frame = from_photo;
    ASSERT_TRUE(preprocess(*photo, p, PixelLayout::kNhwc, from_photo));
    ASSERT_TRUE(preprocess(memory.frame, p, PixelLayout::kNhwc, from_frame));
    ASSERT_EQ(from_photo, from_frame) << run;
  }
}

// Scratch memory of exactly the size asked for, so that the address sanitizer sees a step outside.
std::vector<std::byte> in_bands(const InputKernel& kernel, const ht_frame& frame, const std::vector<std::pair<int, int>>& bands) {
  const ht_preprocess_params p = kernel.parameters();
  const size_t row = static_cast<size_t>(p.row_step) * kernel.element_bytes();
  const int64_t elements = int64_t{p.image.width} * p.image.height * ht_image_channels(&p.image);
  std::vector<std::byte> out(static_cast<size_t>(elements) * kernel.element_bytes());
  std::vector<uint64_t> scratch((ht_preprocess_scratch(&p, &frame) + 7) / 8);
  ht_preprocess_stream stream;
  ht_preprocess_begin(&stream, &p, &frame, scratch.data());
  for (const auto& [begin, end] : bands) ht_preprocess_rows(&stream, begin, end, out.data() + static_cast<size_t>(begin) * row);
  return out;
}

TEST(Frame, BandsInAnyOrderGiveTheWholeInput) {
  std::mt19937 random(2);
  for (int run = 0; run < 300; ++run) {
    const Memory memory(within(1, 60, random), within(1, 60, random), static_cast<FrameFormat>(run % 3), random);
    const Preprocess p = random_preprocess(random);
    const InputKernel kernel = *InputKernel::make(p, random_elements(p, HT_VALUES_F32 + run / 3 % 4, random));
    std::vector<std::byte> whole(static_cast<size_t>(p.elements()) * kernel.element_bytes());
    ASSERT_TRUE(kernel.fill(memory.frame, whole));
    std::vector<std::pair<int, int>> bands;
    for (int begin = 0; begin < p.height; begin = bands.back().second) bands.push_back({begin, within(begin + 1, p.height, random)});
    std::ranges::shuffle(bands, random);
    ASSERT_EQ(in_bands(kernel, *kernel_frame(memory.frame), bands), whole) << run;
  }
}

// Against the definition in double: a float's quotient, rounded half to even, plus the zero point, saturated.
TEST(Frame, IntegersAreTheQuantizedFloats) {
  std::mt19937 random(3);
  for (int run = 0; run < 200; ++run) {
    const Memory memory(within(1, 30, random), within(1, 30, random), FrameFormat::kRgb888, random);
    const Preprocess p = random_preprocess(random);
    const int32_t type = std::array{HT_VALUES_S8, HT_VALUES_U8, HT_VALUES_S16}[static_cast<size_t>(run) % 3];
    const InputElements elements = random_elements(p, type, random);
    const InputKernel kernel = *InputKernel::make(p, elements);
    std::vector<float> reals(static_cast<size_t>(p.elements()));
    std::vector<std::byte> bytes(reals.size() * kernel.element_bytes());
    ASSERT_TRUE(preprocess(memory.frame, p, elements.layout, reals));
    ASSERT_TRUE(kernel.fill(memory.frame, bytes));
    const size_t pixels = reals.size() / static_cast<size_t>(p.channels());
    for (size_t i = 0; i < reals.size(); ++i) {
      const size_t channel = elements.layout == PixelLayout::kNchw ? i / pixels : i % static_cast<size_t>(p.channels());
      const size_t k = elements.scales.size() == 1 ? 0 : channel;
      const double low = type == HT_VALUES_S8 ? -128 : type == HT_VALUES_U8 ? 0 : -32768, high = type == HT_VALUES_S16 ? 32767 : low + 255;
      const double q = std::nearbyint(double{reals[i] / elements.scales[k]}) + elements.zero_points[k];
      int16_t stored = 0;
      if (type == HT_VALUES_S16) std::memcpy(&stored, bytes.data() + 2 * i, 2);
      if (type == HT_VALUES_S8) stored = static_cast<int8_t>(bytes[i]);
      if (type == HT_VALUES_U8) stored = static_cast<uint8_t>(bytes[i]);
      ASSERT_EQ(stored, std::clamp(q, low, high)) << reals[i] << ' ' << elements.scales[k] << ' ' << elements.zero_points[k];
    }
  }
}

TEST(Frame, ACameraNeedsAFewKilobytes) {
  Preprocess p;
  p.height = 160;
  p.width = 256;
  const InputKernel kernel = *InputKernel::make(p, {HT_VALUES_S8, PixelLayout::kNhwc, {1.0f / 255}, {-128}});
  const ht_preprocess_params parameters = kernel.parameters();
  for (const FrameFormat format : {FrameFormat::kRgb888, FrameFormat::kRgb565}) {
    std::mt19937 random(4);
    const Memory memory(320, 240, format, random);
    const ht_frame frame = *kernel_frame(memory.frame);
    EXPECT_LT(ht_preprocess_scratch(&parameters, &frame), size_t{7} << 10);
  }
}

TEST(Frame, RowsMayRunUpwards) {
  std::mt19937 random(5);
  const Image photo = random_image(9, 6, 3, 5);
  Image flipped = photo;
  for (int y = 0; y < 6; ++y) std::copy_n(photo.row(5 - y), 27, flipped.row(y));
  const ht_frame upwards = {flipped.row(5), 9, 6, -27, HT_FRAME_RGB888, {}};
  ASSERT_TRUE(ht_frame_is_valid(&upwards));
  const Preprocess p = random_preprocess(random);
  const InputKernel kernel = *InputKernel::make(p, {});
  std::vector<std::byte> expected(static_cast<size_t>(p.elements()) * sizeof(float));
  ASSERT_TRUE(kernel.fill(frame_of(photo), expected));
  EXPECT_EQ(in_bands(kernel, upwards, {{0, p.height}}), expected);
}

TEST(Frame, RefusesWhatDoesNotFit) {
  const std::vector<uint8_t> bytes(60);
  const Frame sound{bytes, 4, 5, 0, FrameFormat::kRgb888, Crop{1, 2, 3, 3}};
  const auto refuses = [&](auto change) {
    Frame frame = sound;
    change(frame);
    return !to_image(frame);
  };
  EXPECT_FALSE(refuses([](Frame&) {}));
  EXPECT_TRUE(refuses([](Frame& f) { f.bytes = f.bytes.first(59); }));
  EXPECT_TRUE(refuses([](Frame& f) { f.width = 0; }));
  EXPECT_TRUE(refuses([](Frame& f) { f.height = -1; }));
  EXPECT_TRUE(refuses([](Frame& f) { f.width = 1 << 30; }));
  EXPECT_TRUE(refuses([](Frame& f) { f.stride = 11; }));
  EXPECT_TRUE(refuses([](Frame& f) { f.stride = 13; }));
  EXPECT_TRUE(refuses([](Frame& f) { f.crop->width = 4; }));
  EXPECT_TRUE(refuses([](Frame& f) { f.crop->width = 0; }));
  EXPECT_TRUE(refuses([](Frame& f) { f.crop->height = 4; }));
  EXPECT_TRUE(refuses([](Frame& f) { f.crop->x = -1; }));
  EXPECT_TRUE(refuses([](Frame& f) { f.crop->y = 1 << 30; }));
}

TEST(Frame, TheKernelsAcceptWhatThePhotosPlacementAccepts) {
  const std::vector<uint8_t> bytes(7 * 5 * 3);
  const auto accepts = [&](const ht_frame& frame, ResizeRule rule, int height, int width) {
    Preprocess p;
    p.height = height;
    p.width = width;
    p.resize = rule;
    const InputKernel kernel = *InputKernel::make(p, {});
    const ht_preprocess_params parameters = kernel.parameters();
    return ht_preprocess_accepts(&parameters, &frame);
  };
  const ht_frame frame = {bytes.data(), 7, 5, 21, HT_FRAME_RGB888, {}};
  EXPECT_TRUE(accepts(frame, ResizeRule::kNone, 5, 7));
  EXPECT_FALSE(accepts(frame, ResizeRule::kNone, 7, 5));
  EXPECT_TRUE(accepts(frame, ResizeRule::kCenterCrop, 7, 5));
  const ht_frame narrow = {bytes.data(), 1, 100000, 3, HT_FRAME_RGB888, {}};
  EXPECT_FALSE(accepts(narrow, ResizeRule::kCenterCrop, 1000, 1000));
  EXPECT_TRUE(accepts(narrow, ResizeRule::kStretch, 1000, 1000));
  const ht_frame none = {nullptr, 7, 5, 21, HT_FRAME_RGB888, {}}, unknown = {bytes.data(), 7, 5, 21, 3, {}};
  const ht_frame overlapping = {bytes.data(), 7, 5, 20, HT_FRAME_RGB888, {}}, outside = {bytes.data(), 7, 5, 21, HT_FRAME_RGB888, {1, 0, 7, 5}};
  for (const ht_frame& bad : {none, unknown, overlapping, outside}) EXPECT_FALSE(accepts(bad, ResizeRule::kStretch, 5, 7));
}

}  // namespace
}  // namespace ht
