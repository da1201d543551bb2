// SPDX-License-Identifier: Apache-2.0
// Reproducible random test data.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace ht::test {

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int32_t integer(int32_t low, int32_t high) {
    return static_cast<int32_t>(low +
                                static_cast<int64_t>(engine_() % static_cast<uint64_t>(static_cast<int64_t>(high) - low + 1)));
  }
  bool coin() { return integer(0, 1) == 1; }
  double real(double low, double high) { return low + (high - low) * (static_cast<double>(engine_() >> 11) * 0x1p-53); }
  std::vector<int8_t> bytes(size_t count, int32_t low = -128, int32_t high = 127) {
    std::vector<int8_t> values(count);
    for (int8_t& value : values) value = static_cast<int8_t>(integer(low, high));
    return values;
  }
  std::vector<int32_t> integers(size_t count, int32_t low, int32_t high) {
    std::vector<int32_t> values(count);
    for (int32_t& value : values) value = integer(low, high);
    return values;
  }
  std::vector<float> floats(size_t count, double low, double high) {
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(real(low, high));
    return values;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace ht::test
