// SPDX-License-Identifier: Apache-2.0
#include "calibrate/range_search.h"

#include <algorithm>
#include <cmath>

namespace ht {
namespace {

double round_half_even(double x) {
  constexpr double kMagic =
      0x1.8p52;  // |x| < 2^51; nearbyint() is a call where the machine's least instruction set is the target
  return (x + kMagic) - kMagic;
}

// A bin with more than one in kCrowded of the elements is kPoints points.
constexpr double kCrowded = 512;
constexpr int kPoints = 4;
// What the squared error of an element that is clipped counts for. Rounding errs to either side, and in the sums of products that partly cancels; clipping
// makes many channels smaller at once, at the few places where there is something to see.
constexpr double kClippedCounts = 4;

// The elements as the search sees them, and what a quantizer makes of them.
class Judge {
 public:
  Judge(const Histogram& histogram, const IntegerGrid& grid, const std::function<double(double)>& activation)
      : grid_(grid), range_(integer_range(grid.dtype)), activation_(activation) {
    total_ = static_cast<double>(histogram.total());
    for (const Histogram::Bin& bin : histogram.bins()) {
      // Beside a far outlier the crowded bins may be as wide as a step, so they are taken as evenly filled, not as one point.
      const auto count = static_cast<double>(bin.count);
      const int points = count * kCrowded > total_ ? kPoints : 1;
      for (int i = 0; i < points; ++i) {
        x_.push_back(bin.low + (bin.high - bin.low) * (i + 0.5) / points);
        weight_.push_back(count / points);
        if (activation_) target_.push_back(activation_(x_.back()));
      }
    }
  }

  // The error of an element that is clipped counts so many times, where no function follows.
  double mean_squared_error(const Parameters& parameters, double clipped_counts) const {
    if (total_ == 0) return 0;
    const double scale = parameters.scale, inverse = 1 / scale;
    const double low = static_cast<double>(range_.min - parameters.zero_point),
                 high = static_cast<double>(range_.max - parameters.zero_point);
    const auto quantize = [&](double x) { return round_half_even(std::clamp(x * inverse, low, high)); };
    double sum = 0;
    if (!activation_) {
      const double least = (low - 0.5) * scale, greatest = (high + 0.5) * scale;  // beyond them elements are clipped
      for (size_t i = 0; i < x_.size(); ++i) {
        const double error = quantize(x_[i]) * scale - x_[i];
        sum += weight_[i] * error * error * (x_[i] < least || x_[i] > greatest ? clipped_counts : 1);
      }
      return sum / total_;
    }
    // Bins ascend, so equal levels come in runs and the activation is evaluated once for each.
    double level = NAN, image = 0;
    for (size_t i = 0; i < x_.size(); ++i) {
      const double q = quantize(x_[i]);
      if (q != level) level = q, image = activation_(q * scale);
      const double error = image - target_[i];
      sum += weight_[i] * error * error;
    }
    return sum / total_;
  }

  // Infinity for a range that the grid cannot represent.
  double operator()(Range range) const {
    const auto parameters = parameters_from_range(range, grid_);
    return parameters ? mean_squared_error(*parameters, kClippedCounts) : INFINITY;
  }

 private:
  IntegerGrid grid_;
  IntegerRange range_;
  const std::function<double(double)>& activation_;
  std::vector<double> x_, weight_, target_;
  double total_ = 0;
};

struct Best {
  Range range;
  double error;
  void offer(Range candidate, const Judge& judge) {
    const double candidate_error = judge(candidate);
    if (candidate_error < error) range = candidate, error = candidate_error;
  }
};

// Offers both ends, or one of them, shrunk by 2^-(k / per_octave) for k in [from, to].
void sweep(Best& best, const Judge& judge, Range start, bool move_min, bool move_max, int from, int to, int per_octave) {
  for (int k = from; k <= to; ++k) {
    const double factor = std::exp2(-static_cast<double>(k) / per_octave);
    best.offer({move_min ? start.min * factor : start.min, move_max ? start.max * factor : start.max}, judge);
  }
}

}  // namespace

Range search_least_error(const Histogram& histogram, Range widest, bool min_is_fixed, bool max_is_fixed, const IntegerGrid& grid,
                         const std::function<double(double)>& activation) {
  // 16 bits resolve whatever clipping could gain.
  if (grid.dtype == DType::kInt16) return widest;
  const bool move_min = !min_is_fixed && widest.min < 0, move_max = !max_is_fixed && widest.max > 0;
  const Judge judge(histogram, grid, activation);
  Best best{widest, judge(widest)};
  constexpr int kOctaves = 6, kCoarse = 6, kFine = 48;
  if (move_min && move_max) sweep(best, judge, widest, true, true, 1, kOctaves * kCoarse, kCoarse);
  // Then one end at a time, first far and coarsely, at last near and finely.
  for (int round = 0; round < 2 && !grid.symmetric; ++round) {
    if (move_max) sweep(best, judge, {best.range.min, widest.max}, false, true, 0, kOctaves * kCoarse, kCoarse);
    if (move_min) sweep(best, judge, {widest.min, best.range.max}, true, false, 0, kOctaves * kCoarse, kCoarse);
  }
  for (int round = 0; round < 2; ++round) {
    constexpr int kReach = kFine / kCoarse;
    const auto refine = [&](bool min, bool max) { sweep(best, judge, best.range, min, max, -kReach, kReach, kFine); };
    if (grid.symmetric) {
      refine(move_min, move_max);
    } else {
      if (move_max) refine(false, true);
      if (move_min) refine(true, false);
    }
  }
  return {std::max(best.range.min, widest.min), std::min(best.range.max, widest.max)};
}

double mean_squared_error(const Histogram& histogram, const Parameters& parameters, const IntegerGrid& grid,
                          const std::function<double(double)>& activation) {
  return Judge(histogram, grid, activation).mean_squared_error(parameters, 1);
}

// Candidate i clips after i bins: P is the histogram of magnitudes with its tail put into bin i - 1; Q spreads each of 128
// equal groups of the bins before i evenly over those that are not empty. KL(P || Q) = sum p log p - sum p log q comes from
// prefix sums, as q is one number a group. The last of the least divergences wins.
double entropy_threshold(const Histogram& histogram) {
  constexpr size_t kLevels = 128;
  const auto side = static_cast<size_t>(histogram.per_side());
  std::vector<double> counts;
  for (size_t k = 0; k < side && !histogram.counts().empty(); ++k) {
    counts.push_back(static_cast<double>(histogram.counts()[side + k] + histogram.counts()[side - 1 - k]));
  }
  while (!counts.empty() && counts.back() == 0) counts.pop_back();
  const size_t size = counts.size();
  const double greatest = static_cast<double>(size) * histogram.width();
  if (size < kLevels) return greatest;
  counts[0] = counts[1];  // the many exact zeros say nothing about the step
  const auto c_log_c = [](double c) { return c > 0 ? c * std::log(c) : 0; };
  std::vector<double> sums(size + 1), used(size + 1), logs(size + 1);
  for (size_t k = 0; k < size; ++k) {
    sums[k + 1] = sums[k] + counts[k];
    used[k + 1] = used[k] + (counts[k] > 0);
    logs[k + 1] = logs[k] + c_log_c(counts[k]);
  }
  const double total = sums[size];
  if (total == 0) return greatest;
  double least = INFINITY;
  size_t chosen = size;
  for (size_t i = kLevels; i <= size; ++i) {
    const double tail = total - sums[i], last = counts[i - 1];
    if (last == 0 && tail > 0) continue;  // Q has nothing where P has the tail: infinitely far
    double divergence = (logs[i] - c_log_c(last) + c_log_c(last + tail)) / total - std::log(total);
    for (size_t group = 0; group < kLevels; ++group) {
      const size_t from = (group * i + kLevels - 1) / kLevels, to = ((group + 1) * i + kLevels - 1) / kLevels;
      const double mass = sums[to] - sums[from];
      if (mass == 0) continue;
      const double p = mass + (to == i ? tail : 0);
      divergence -= p / total * std::log(mass / (used[to] - used[from]) / sums[i]);
    }
    if (divergence <= least) least = divergence, chosen = i;
  }
  return static_cast<double>(chosen) * histogram.width();
}

}  // namespace ht
