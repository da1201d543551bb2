// SPDX-License-Identifier: Apache-2.0
#include "calibrate/histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace ht {

void Histogram::cover(float magnitude) {
  int exponent = kLeastExponent;
  if (magnitude > 0) exponent = std::max(exponent, std::ilogb(magnitude) + 1 - std::ilogb(static_cast<float>(per_side_)));
  if (counts_.empty()) counts_.resize(2 * static_cast<size_t>(per_side_));
  coarsen_to(exponent);
}

void Histogram::coarsen_to(int exponent) {
  if (exponent <= exponent_) return;
  const int shift = std::min(exponent - exponent_, 31);
  exponent_ = exponent;
  inverse_width_ = std::ldexp(1.0f, -exponent);
  if (counts_.empty()) return;
  // Upwards from zero on either side a bin never moves outwards, so the counts can be moved in place.
  int64_t* up = counts_.data() + per_side_;
  int64_t* down = up - 1;
  for (int k = 1; k < per_side_; ++k) {
    const int target = k >> shift;
    if (target == k) continue;
    up[target] += std::exchange(up[k], 0);
    down[-target] += std::exchange(down[-k], 0);
  }
}

void Histogram::add(std::span<const int32_t> bins) {
  for (int32_t bin : bins) ++counts_[static_cast<size_t>(bin)];
}

void Histogram::merge(const Histogram& other) {
  if (other.counts_.empty()) return coarsen_to(other.exponent_);
  if (counts_.empty()) counts_.resize(other.counts_.size());
  if (other.exponent_ < exponent_) {
    Histogram coarser = other;
    coarser.coarsen_to(exponent_);
    return merge(coarser);
  }
  coarsen_to(other.exponent_);
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

double Histogram::width() const { return std::ldexp(1.0, exponent_); }

int64_t Histogram::total() const { return std::accumulate(counts_.begin(), counts_.end(), int64_t{0}); }

std::vector<Histogram::Bin> Histogram::bins() const {
  std::vector<Bin> bins;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] == 0) continue;
    const double low = (static_cast<double>(i) - per_side_) * width();
    bins.push_back({low, low + width(), counts_[i]});
  }
  return bins;
}

void Histogram::restore(int exponent, std::vector<int64_t> counts) {
  exponent_ = exponent;
  inverse_width_ = std::ldexp(1.0f, -exponent);
  counts_ = std::move(counts);
}

}  // namespace ht
