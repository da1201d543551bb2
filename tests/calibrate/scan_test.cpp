// SPDX-License-Identifier: Apache-2.0
#include "calibrate/scan.h"

#include <gtest/gtest.h>

#include <cfenv>

#include "tensors.h"

namespace ht {
namespace {

const ScanKernels& reference() { return scan_kernels().back(); }

TEST(Scan, OrderKeysSortLikeFloats) {
  const float ascending[] = {-INFINITY, -3.4e38f, -1, -1e-45f, -0.0f, 0.0f, 1e-45f, 1, 3.4e38f, INFINITY};
  for (size_t i = 1; i < std::size(ascending); ++i) EXPECT_LT(order_key(ascending[i - 1]), order_key(ascending[i]));
  for (float x : ascending) EXPECT_EQ(std::bit_cast<uint32_t>(from_order_key(order_key(x))), std::bit_cast<uint32_t>(x));
  EXPECT_EQ(order_key(INFINITY), kKeyOfInfinity);
  EXPECT_EQ(order_key(-INFINITY), kKeyOfMinusInfinity);
  EXPECT_GT(order_key(NAN), kKeyOfInfinity);
  EXPECT_LT(order_key(-NAN), kKeyOfMinusInfinity);
}

TEST(Scan, TheReferenceSaysWhatItShould) {
  const float data[] = {0.5f, -2.25f, 1.5f, -0.0f, 7.75f, -1.0f};
  int32_t least[2] = {INT32_MAX, INT32_MAX}, greatest[2] = {INT32_MIN, INT32_MIN};
  reference().row_extremes(data, 3, 2, least, greatest);
  EXPECT_EQ(from_order_key(least[0]), 0.5f);
  EXPECT_EQ(from_order_key(greatest[0]), 7.75f);
  EXPECT_EQ(from_order_key(least[1]), -2.25f);
  EXPECT_EQ(from_order_key(greatest[1]), -0.0f);
  int64_t sums[2] = {0, 0}, squares[2] = {0, 0};
  reference().row_sums(data, 3, 2, 2, sums, squares);  // 1, 3, 15.5 -> 16; -4.5 -> -4, 0, -2
  EXPECT_EQ(sums[0], 20);
  EXPECT_EQ(squares[0], 1 + 9 + 256);
  EXPECT_EQ(sums[1], -6);
  EXPECT_EQ(squares[1], 16 + 4);
  int32_t bins[6];
  reference().bins(data, 6, 1, 8, bins);
  EXPECT_EQ(std::vector<int32_t>(bins, bins + 6), (std::vector<int32_t>{8, 5, 9, 8, 15, 6}));
}

TEST(Scan, EveryVariantLeavesTheReferencesBits) {
  std::mt19937 random(4);
  for (int round = 0; round < 150; ++round) {
    const int64_t rows = 1 + random() % 11, lanes = 1 + random() % 150;
    const size_t offset = random() % 4, size = static_cast<size_t>(rows * lanes);
    const std::vector<float> tensor = random_tensor(random, offset + size, 3, round % 2);
    const float* data = tensor.data() + offset;
    std::vector<float> finite(data, data + size);
    for (float& x : finite) x = std::isfinite(x) ? std::clamp(x, -200.0f, 200.0f) : 0.0f;
    const auto run = [&](const ScanKernels& kernels) {
      const auto width = static_cast<size_t>(lanes);
      std::vector<int32_t> least(width, INT32_MAX), greatest(width, INT32_MIN), bins(size);
      std::vector<int64_t> sums(width), squares(width);
      kernels.row_extremes(data, rows, lanes, least.data(), greatest.data());
      least.push_back(INT32_MAX), greatest.push_back(INT32_MIN);
      kernels.extremes(data, rows * lanes, &least.back(), &greatest.back());
      kernels.row_sums(finite.data(), rows, lanes, 0x1p14f, sums.data(), squares.data());
      kernels.bins(finite.data(), rows * lanes, 4, 2048, bins.data());
      return std::tuple(least, greatest, bins, sums, squares);
    };
    const auto truth = run(reference());
    for (const ScanKernels& kernels : scan_kernels())
      EXPECT_EQ(run(kernels), truth) << kernels.name << " " << rows << "x" << lanes;
  }
}

TEST(Scan, TheCapIsHeeded) {
  EXPECT_EQ(choose_scan_kernels(Isa::kC).name, "c");
  EXPECT_EQ(choose_scan_kernels(Isa::kBest).name, scan_kernels().front().name);
  EXPECT_NE(choose_scan_kernels(Isa::kAvx2).name, "avx512");
}

}  // namespace
}  // namespace ht
