// SPDX-License-Identifier: Apache-2.0
#include "calibrate/exact_sum.h"

#include <cmath>

namespace ht {

void ExactSum::add(__int128 mantissa, int exponent) {
  const int shift = exponent - kLeastExponent;
  const auto bits = static_cast<unsigned __int128>(mantissa);
  const uint64_t sign = mantissa < 0 ? ~uint64_t{0} : 0;
  const uint64_t low = static_cast<uint64_t>(bits), high = static_cast<uint64_t>(bits >> 64);
  const int offset = shift % 64;
  // The mantissa, moved by less than a word, is three words; beyond them stands the sign.
  const auto carry = [offset](uint64_t from, uint64_t into) {
    return offset == 0 ? into : (into << offset) | (from >> (64 - offset));
  };
  const std::array<uint64_t, 3> moved = {low << offset, carry(low, high), carry(high, sign)};
  unsigned __int128 sum = 0;
  for (int word = shift / 64, i = 0; word < kWords; ++word, ++i) {
    sum += words_[static_cast<size_t>(word)];
    sum += i < 3 ? moved[static_cast<size_t>(i)] : sign;
    words_[static_cast<size_t>(word)] = static_cast<uint64_t>(sum);
    sum >>= 64;
  }
}

void ExactSum::add(const ExactSum& other) {
  unsigned __int128 sum = 0;
  for (size_t i = 0; i < kWords; ++i) {
    sum += words_[i];
    sum += other.words_[i];
    words_[i] = static_cast<uint64_t>(sum);
    sum >>= 64;
  }
}

double ExactSum::value() const {
  const bool negative = words_.back() >> 63;
  std::array<uint64_t, kWords> magnitude = words_;
  if (negative) {
    unsigned __int128 sum = 1;
    for (uint64_t& word : magnitude) {
      sum += static_cast<uint64_t>(~word);
      word = static_cast<uint64_t>(sum);
      sum >>= 64;
    }
  }
  double value = 0;
  for (int i = kWords - 1; i >= 0; --i)
    value += std::ldexp(static_cast<double>(magnitude[static_cast<size_t>(i)]), 64 * i + kLeastExponent);
  return negative ? -value : value;
}

std::vector<uint64_t> ExactSum::words() const {
  const uint64_t sign = words_.back() >> 63 ? ~uint64_t{0} : 0;
  size_t size = kWords;
  // What remains must still show the sign in its top bit.
  while (size > 0 && words_[size - 1] == sign && (size == 1 ? sign == 0 : words_[size - 2] >> 63 == (sign & 1))) --size;
  return {words_.begin(), words_.begin() + static_cast<std::ptrdiff_t>(size)};
}

bool ExactSum::restore(std::span<const uint64_t> words) {
  if (words.size() > kWords) return false;
  words_.fill(!words.empty() && words.back() >> 63 ? ~uint64_t{0} : 0);
  std::copy(words.begin(), words.end(), words_.begin());
  return true;
}

}  // namespace ht
