// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

namespace ht {

// Equally spaced values as numpy.linspace rounds them.
template <size_t kCount>
constexpr std::array<double, kCount> spaced(double first, double last) {
  std::array<double, kCount> values = {};
  const double step = (last - first) / static_cast<double>(kCount - 1);
  for (size_t i = 0; i < kCount; ++i) values[i] = static_cast<double>(i) * step + first;
  values.back() = last;
  return values;
}

}  // namespace ht
