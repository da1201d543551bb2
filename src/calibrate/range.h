// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "calibrate/statistics.h"
#include "ir/type.h"

namespace ht {

// Of values, and of weights: products of two are normal numbers.
inline constexpr double kLeastScale = 0x1p-60;

// The real numbers that integers shall represent; min <= 0 <= max, so that zero has an integer of its own.
struct Range {
  double min = 0, max = 0;
  bool operator==(const Range&) const = default;
};

// The integers to represent them with: int8, uint8 or int16 with a free zero point, or with the zero point in the middle
// (symmetric), or also with scales that are powers of two.
struct IntegerGrid {
  DType dtype = DType::kInt8;
  bool symmetric = false;
  bool power_of_two = false;
};

// kMinMax: from the least element to the greatest. kAverage: from the mean of the images' least elements to the mean of their greatest,
// which is what a moving average over images tends to, without its dependence on their order. kPercentile: without the outermost elements. kEntropy: the least divergence
// of the histogram of magnitudes from its 128-level copy, as TensorRT searches it. kMse: the least mean squared error, clipped
// elements counting four times.
enum class RangeMethod { kMinMax, kAverage, kPercentile, kEntropy, kMse };

struct RangeRequest {
  RangeMethod method = RangeMethod::kMse;
  IntegerGrid grid = {};
  double percentile = 99.99;  // of the elements stay in the range; each tail loses half of the rest
  // Bounds that the value cannot pass (SiLU -0.2785, hard-swish -0.375, ReLU 0): the range then ends there, whatever was seen.
  std::optional<double> pinned_min = {}, pinned_max = {};
  // The function that every consumer applies first: kMse then judges the error behind it. None: the identity.
  std::function<double(double)> activation = {};
};

// The range by the method's rule. `name` is the value's, for errors: nothing was observed, or elements were not finite.
Result<Range> estimate_range(const std::string& name, const ValueStatistics& statistics, const RangeRequest& request);
// Each channel's range: of least squared error where the method is kMse and the channels have histograms (a few large elements in a
// channel whose others crowd near zero must not set its step), else from least to greatest. A channel that was always zero has {0, 0}.
Result<std::vector<Range>> estimate_channel_ranges(const std::string& name, const ValueStatistics& statistics, const RangeRequest& request);

// x = (q - zero_point) * scale.
struct Parameters {
  float scale = 1;
  int32_t zero_point = 0;
  bool operator==(const Parameters&) const = default;
};
// The scale is at least kLeastScale, and 1 for the range {0, 0}; fails for one that is not
// finite.
Result<Parameters> parameters_from_range(Range range, const IntegerGrid& grid);
Result<Affine> affine_from_range(Range range, const IntegerGrid& grid);
// Channels with the range {0, 0}, which any parameters hold exactly, take the narrowest range of all channels of these values: behind a ReLU all zero
// points are then the same, as kernels like them, a value that calibration has not seen keeps its sign, and what is one channel of two values stays so.
void fill_empty_ranges(std::vector<std::vector<Range>>& values);
// Parameters an index of the axis.
Result<Affine> affine_from_ranges(std::span<const Range> ranges, const IntegerGrid& grid, size_t axis, size_t rank);

// The mean over the histogram of (f(Q(x)) - f(x))^2, Q being rounding to the grid with these parameters and f the activation.
double mean_squared_error(const Histogram& histogram, const Parameters& parameters, const IntegerGrid& grid,
                          const std::function<double(double)>& activation = {});

}  // namespace ht
