// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ht {

// Counts over equal bins whose width is a power of two and whose edges are multiples of it, kPerSide (a power of two) on each
// side of zero: the width is the smallest that lets them reach the greatest magnitude seen, and never below 2^kLeastExponent.
// A bin k >= 0 holds [k w, (k + 1) w), its mirror image (-(k + 1) w, -k w]; so halving the resolution adds neighbours in
// pairs, and the counts are the same whatever the order in which elements and magnitudes came.
class Histogram {
 public:
  static constexpr int kLeastExponent = -110;
  struct Bin {
    double low, high;
    int64_t count;
    double center() const { return (low + high) / 2; }
  };

  explicit Histogram(int per_side) : per_side_(per_side) {}
  // Makes room for elements up to this magnitude (finite).
  void cover(float magnitude);
  // Counts elements whose magnitudes are covered.
  void add(std::span<const float> elements);
  // Adds one to the bin with this index in [0, 2 per_side), for callers that computed it as bin_of() does.
  void add_to_bin(int32_t index) { ++counts_[static_cast<size_t>(index)]; }
  int32_t bin_of(float x) const { return per_side_ + static_cast<int32_t>(x * inverse_width_) - (x < 0); }
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
  // Restores what exponent() and counts() said; counts must be non-negative and either none or 2 per_side.
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
