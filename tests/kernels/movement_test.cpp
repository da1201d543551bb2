// SPDX-License-Identifier: Apache-2.0
// Copies, fills, gathers, tables, conversions and resampling.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/registry.h"
#include "kernels/tables.h"
#include "random.h"

namespace ht::test {
namespace {

TEST(Copy, TransposesAnyWidth) {
  for (const int32_t bytes : {1, 2, 4, 8}) {
    Random random(static_cast<uint32_t>(bytes));
    constexpr int32_t kShape[] = {3, 5, 7};  // the input is [5][7][3]
    const auto input = random.bytes(static_cast<size_t>(105 * bytes));
    std::vector<int8_t> output(input.size());
    const ht_copy_params p{bytes, 3, {3, 5, 7}, {1, 21, 3}, {35, 7, 1}, 0, 0};
    const ht_arguments arguments{{input.data()}, output.data(), nullptr};
    ht_copy(&p, &arguments, 0, ht_copy_units(&p));
    for (int i = 0; i < kShape[0]; ++i)
      for (int j = 0; j < kShape[1]; ++j)
        for (int k = 0; k < kShape[2]; ++k)
          for (int byte = 0; byte < bytes; ++byte)
            ASSERT_EQ(output[static_cast<size_t>((i * 35 + j * 7 + k) * bytes + byte)],
                      input[static_cast<size_t>((i + j * 21 + k * 3) * bytes + byte)]);
  }
}

TEST(Copy, NegativeStepsAndBroadcast) {
  const std::vector<int32_t> input{1, 2, 3, 4};
  std::vector<int32_t> output(8, 0);
  const ht_copy_params p{4, 2, {2, 4}, {0, -1}, {4, 1}, 3, 0};
  const ht_arguments arguments{{input.data()}, output.data(), nullptr};
  ht_copy(&p, &arguments, 0, 2);
  EXPECT_EQ(output, (std::vector<int32_t>{4, 3, 2, 1, 4, 3, 2, 1}));
}

TEST(Fill, WritesOneValueAChannel) {
  const std::vector<int8_t> values{1, 2, 3};
  std::vector<int8_t> output(10, 0);
  const ht_fill_params p{1, 2, {2, 3}, {4, 1}, 1, 1, values.data()};
  const ht_arguments arguments{{}, output.data(), nullptr};
  ht_fill(&p, &arguments, 0, ht_fill_units(&p));
  EXPECT_EQ(output, (std::vector<int8_t>{0, 1, 2, 3, 0, 1, 2, 3, 0, 0}));
}

TEST(Gather, CountsFromTheEndAndStaysInside) {
  const std::vector<float> input{0, 1, 2, 3, 4, 5};
  const std::vector<int32_t> indices{2, -1, 0, 9, -9};
  std::vector<float> output(10);
  const ht_gather_params p{4, 1, 3, 5, 2, indices.data()};
  const ht_arguments arguments{{input.data()}, output.data(), nullptr};
  ht_gather(&p, &arguments, 0, ht_gather_units(&p));
  EXPECT_EQ(output, (std::vector<float>{4, 5, 4, 5, 0, 1, 4, 5, 0, 1}));
}

TEST(Table, OneATensorAndOneAChannel) {
  Random random(5);
  const auto table = random.bytes(256 * 3), input = random.bytes(12);
  for (const int32_t step : {0, 256}) {
    std::vector<int8_t> output(12);
    const ht_table_params p{4, 3, 3, 3, step, table.data()};
    const ht_arguments arguments{{input.data()}, output.data(), nullptr};
    ht_table(&p, &arguments, 0, 4);
    for (size_t i = 0; i < 12; ++i)
      EXPECT_EQ(output[i], table[(i % 3) * static_cast<size_t>(step) + static_cast<size_t>(input[i] + 128)]);
  }
}

TEST(Convert, DividesAndRoundsHalfToEven) {
  Random random(6);
  for (const int32_t step : {0, 1}) {
    const auto scale = random.floats(5, 0.01, 0.3);
    const auto zero_point = random.bytes(5);
    auto input = random.floats(200, -40, 40);
    for (size_t i = 0; i < input.size(); i += 3)
      input[i] = (std::nearbyint(input[i]) + 0.5f) * scale[i % 5 * static_cast<size_t>(step)];
    input[7] = std::numeric_limits<float>::infinity();
    input[8] = std::numeric_limits<float>::quiet_NaN();
    std::vector<int8_t> output(200);
    std::vector<float> back(200);
    const ht_convert_params p{40, 5, 5, 5, step, 0, scale.data(), zero_point.data()};
    const ht_arguments forward{{input.data()}, output.data(), nullptr}, backward{{output.data()}, back.data(), nullptr};
    ht_quantize(&p, &forward, 0, 40);
    ht_dequantize(&p, &backward, 0, 40);
    for (size_t i = 0; i < 200; ++i) {
      const size_t c = i % 5 * static_cast<size_t>(step);
      const float y = std::isnan(input[i]) ? 0.0f : std::nearbyint(input[i] / scale[c]) + zero_point[c];
      EXPECT_EQ(output[i], std::isnan(input[i]) ? zero_point[c] : std::clamp(y, -128.0f, 127.0f)) << i;
      EXPECT_EQ(back[i], static_cast<float>(output[i] - zero_point[c]) * scale[c]);
    }
    std::vector<float> planes(input.size());
    for (size_t i = 0; i < input.size(); ++i) planes[i % 5 * 40 + i / 5] = input[i];
    std::vector<int8_t> pixels(40 * 6, 85);
    const ht_convert_params photo{40, 5, 1, 6, step, 40, scale.data(), zero_point.data()};
    const ht_arguments arguments{{planes.data()}, pixels.data(), nullptr};
    ht_quantize(&photo, &arguments, 0, 17);
    ht_quantize(&photo, &arguments, 17, 40);
    for (size_t i = 0; i < pixels.size(); ++i) EXPECT_EQ(pixels[i], i % 6 == 5 ? 85 : output[i / 6 * 5 + i % 6]) << i;
  }
}

TEST(Resample, LinearRoundsOnceAndNearestCopies) {
  Random random(8);
  const auto input = random.bytes(4 * 5 * 3);
  const std::vector<int32_t> index{0, 1, 1, 2, 2, 3};
  const std::vector<int16_t> fixed{2048, 0, 512, 1536, 1024, 1024};
  std::vector<int8_t> output(3 * 3 * 3);
  const ht_resample_axis axis{2, index.data(), fixed.data(), nullptr};
  ht_resample_params p{1, 4, 5, 3, 3, 3, 3, 3, axis, axis};
  const ht_arguments arguments{{input.data()}, output.data(), nullptr};
  ht_resample(&p, &arguments, 0, ht_resample_units(&p));
  for (size_t y = 0; y < 3; ++y)
    for (size_t x = 0; x < 3; ++x)
      for (size_t c = 0; c < 3; ++c) {
        double exact = 0;
        for (size_t ty = 0; ty < 2; ++ty)
          for (size_t tx = 0; tx < 2; ++tx)
            exact += fixed[y * 2 + ty] / 2048.0 * fixed[x * 2 + tx] / 2048.0 *
                     input[(static_cast<size_t>(index[y * 2 + ty]) * 5 + static_cast<size_t>(index[x * 2 + tx])) * 3 + c];
        EXPECT_EQ(output[(y * 3 + x) * 3 + c], std::floor(exact + 0.5));
      }
  p.y.taps = p.x.taps = 1;
  ht_resample(&p, &arguments, 0, ht_resample_units(&p));
  for (size_t i = 0; i < 27; ++i)
    EXPECT_EQ(output[i], input[(static_cast<size_t>(index[i / 9]) * 5 + static_cast<size_t>(index[i / 3 % 3])) * 3 + i % 3]);
}

TEST(Softmax, SharesAreWithinOneStep) {
  Random random(9);
  const auto input = random.bytes(7 * 20 * 3);
  const auto exponentials = softmax_exponentials(0.05);
  std::vector<int8_t> output(input.size());
  const ht_softmax_params p{7, 20, 3, exponentials.data(), 8, -128};
  const ht_arguments arguments{{input.data()}, output.data(), nullptr};
  ht_softmax(&p, &arguments, 0, ht_softmax_units(&p));
  for (size_t o = 0; o < 7; ++o)
    for (size_t i = 0; i < 3; ++i) {
      double sum = 0;
      for (size_t n = 0; n < 20; ++n) sum += std::exp(0.05 * input[(o * 20 + n) * 3 + i]);
      for (size_t n = 0; n < 20; ++n)
        EXPECT_NEAR(output[(o * 20 + n) * 3 + i], std::min(127.0, std::exp(0.05 * input[(o * 20 + n) * 3 + i]) / sum * 256 - 128),
                    0.6);
    }
}

}  // namespace
}  // namespace ht::test
