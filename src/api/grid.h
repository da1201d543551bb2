// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "ir/type.h"

namespace ht {

// Rounds floats to what the integers of a quantized type stand for, one scale for all or one a channel (axis 1).
class Grid {
 public:
  explicit Grid(const TensorType& type) : range_(integer_range(type.dtype)) {
    const bool has_channels = !type.affine->is_per_tensor();
    scales_ = has_channels ? type.affine->scales_along(1, type.shape[1]) : type.affine->scales();
    zero_points_ = has_channels ? type.affine->zero_points_along(1, type.shape[1]) : type.affine->zero_points();
  }

  bool has_channels() const { return scales_.size() > 1; }
  size_t channels() const { return scales_.size(); }
  float scale(size_t channel) const { return scales_[has_channels() ? channel : 0]; }
  // The least and the greatest real number that rounds to an integer without being clipped.
  std::pair<float, float> reach(size_t channel) const {
    const size_t at = has_channels() ? channel : 0;
    return {(static_cast<float>(range_.min - zero_points_[at]) - 0.5f) * scales_[at], (static_cast<float>(range_.max - zero_points_[at]) + 0.5f) * scales_[at]};
  }
  // q - zero point of each element, all of one channel. Ties of the product x / s may fall to either side.
  void levels(size_t channel, std::span<const float> from, std::span<float> to) const {
    constexpr float kMagic = 0x1.8p23f;  // adding and subtracting it rounds to an integer, half to even, below 2^22
    const size_t at = has_channels() ? channel : 0;
    const float inverse = 1 / scales_[at];
    const auto low = static_cast<float>(range_.min - zero_points_[at]), high = static_cast<float>(range_.max - zero_points_[at]);
    for (size_t i = 0; i < from.size(); ++i) to[i] = (std::clamp(from[i] * inverse, low, high) + kMagic) - kMagic;
  }

 private:
  IntegerRange range_;
  std::vector<float> scales_;
  std::vector<int32_t> zero_points_;
};

}  // namespace ht
