// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace ht {

// Counts over equal bins whose width is a power of two and whose edges are multiples of it, per_side (a power of two) on each
// side of zero. The width is the least that lets them reach the greatest magnitude seen, and never below 2^kLeastExponent.
// Bin per_side + k, k >= 0, holds [k w, (k + 1) w), its mirror image per_side - 1 - k holds (-(k + 1) w, -k w] without zero.
// So halving the resolution adds neighbours in pairs, and the counts do not depend on the order of elements and magnitudes.
class Histogram {
 public:
  static constexpr int kLeastExponent = -110;
  static constexpr int kGreatestExponent = 128;
  struct Bin {
    double low, high;
    int64_t count;
    double center() const { return (low + high) / 2; }
  };

  explicit Histogram(int per_side) : per_side_(per_side) {}
  // Makes room for elements up to this magnitude (finite).
  void cover(float magnitude);
  // The bin of an element whose magnitude is covered.
  int32_t bin_of(float x) const { return per_side_ + static_cast<int32_t>(x * inverse_width_) - (x < 0); }
  void add(std::span<const int32_t> bins);
  void add(int32_t bin, int64_t count) { counts_[static_cast<size_t>(bin)] += count; }
  // Requires the same number of bins.
  void merge(const Histogram& other);

  int per_side() const { return per_side_; }
  int exponent() const { return exponent_; }  // width = 2^exponent
  double width() const;
  float inverse_width() const { return inverse_width_; }
  int64_t total() const;
  std::vector<Bin> bins() const;  // those that are not empty, from low to high
  // All of them, from the lowest; empty before the first cover().
  const std::vector<int64_t>& counts() const { return counts_; }
  // Takes what exponent() and counts() said; counts must be non-negative and either none or 2 per_side.
  void restore(int exponent, std::vector<int64_t> counts);

  bool operator==(const Histogram&) const = default;

 private:
  void coarsen_to(int exponent);

  int per_side_;
  int exponent_ = kLeastExponent;
  float inverse_width_ = 0x1p110f;
  std::vector<int64_t> counts_;
};

}  // namespace ht
