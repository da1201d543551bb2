// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace ht {

// A sum of terms m * 2^e without any rounding: a two's complement integer of kWords * 64 bits on the grid 2^kLeastExponent.
// It has room for 2^60 of the greatest terms that the statistics make, squares of floats included.
class ExactSum {
 public:
  static constexpr int kWords = 11;
  static constexpr int kLeastExponent = -288;

  void add(__int128 mantissa, int exponent);  // exponent in [kLeastExponent, 256]
  void add(const ExactSum& other);
  double value() const;  // within a few units in the last place
  // Little-endian words, without those at the end that only repeat the sign.
  std::vector<uint64_t> words() const;
  bool restore(std::span<const uint64_t> words);  // false, and nothing done, where there are too many

  bool operator==(const ExactSum&) const = default;

 private:
  std::array<uint64_t, kWords> words_{};
};

}  // namespace ht
