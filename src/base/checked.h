// SPDX-License-Identifier: Apache-2.0
// Arithmetic on sizes that come from outside.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>

namespace ht {

// a * b, or nothing where that overflows or either is negative.
constexpr std::optional<int64_t> checked_mul(int64_t a, int64_t b) {
  int64_t product = 0;
  if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

constexpr std::optional<int64_t> checked_product(std::span<const int64_t> factors) {
  int64_t product = 1;
  for (int64_t factor : factors) {
    auto next = checked_mul(product, factor);
    if (!next) return std::nullopt;
    product = *next;
  }
  return product;
}

// The value in a narrower type, or nothing where it does not fit.
template <class To, class From>
constexpr std::optional<To> checked_cast(From value) {
  static_assert(std::is_integral_v<To> && std::is_integral_v<From>);
  const To narrow = static_cast<To>(value);
  if (static_cast<From>(narrow) != value || (narrow < To{}) != (value < From{})) return std::nullopt;
  return narrow;
}

}  // namespace ht
