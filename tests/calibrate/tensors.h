// SPDX-License-Identifier: Apache-2.0
// Random tensors for the tests of calibration, from fixed seeds.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "calibrate/statistics.h"

namespace ht {

// Elements of very different magnitudes: around 2^exponent, with now and then a zero of either sign.
inline std::vector<float> random_tensor(std::mt19937& random, size_t size, int exponent, bool non_finite = false) {
  std::normal_distribution<float> normal(0.2f, 1);
  std::vector<float> data(size);
  for (float& x : data) {
    x = std::ldexp(normal(random), exponent - static_cast<int>(random() % 12));
    if (random() % 50 == 0) x = random() % 2 ? 0.0f : -0.0f;
    if (non_finite && random() % 200 == 0)
      x = random() % 2 ? std::numeric_limits<float>::quiet_NaN() : -std::numeric_limits<float>::infinity();
  }
  return data;
}

// [pixels, channels] to [channels, pixels].
inline std::vector<float> to_planes(const std::vector<float>& data, size_t channels) {
  std::vector<float> planes;
  for (size_t c = 0; c < channels; ++c) {
    for (size_t i = c; i < data.size(); i += channels) planes.push_back(data[i]);
  }
  return planes;
}

inline std::vector<uint8_t> bytes_of(const ValueStatistics& value) {
  Statistics statistics;
  statistics.values.emplace("x", value);
  return write_statistics(statistics);
}

}  // namespace ht
