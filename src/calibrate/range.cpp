// SPDX-License-Identifier: Apache-2.0
#include "calibrate/range.h"

#include <algorithm>
#include <cmath>

#include "calibrate/range_search.h"

namespace ht {
namespace {

Range with_zero(double min, double max) { return {std::min(min, 0.0), std::max(max, 0.0)}; }

Status check_observed(const std::string& name, const ValueStatistics& statistics) {
  if (statistics.count() == 0) return input_error("the value '{}' was never observed, so it has no range", name);
  if (statistics.non_finite() > 0) {
    return input_error(
        "the value '{}' has no finite range: {} of its {} elements were infinite or not a number; keep it in float or correct "
        "the model",
        name, statistics.non_finite(), statistics.count());
  }
  return {};
}

// Where the histogram's tails end when each loses this fraction of the elements.
Range without_tails(const Histogram& histogram, double fraction) {
  const std::vector<Histogram::Bin> bins = histogram.bins();
  if (bins.empty()) return {};
  const double allowed = fraction * static_cast<double>(histogram.total());
  size_t first = 0, last = bins.size();
  for (double lost = 0; first + 1 < last; ++first) {
    lost += static_cast<double>(bins[first].count);
    if (lost > allowed) break;
  }
  for (double lost = 0; last > first + 1; --last) {
    lost += static_cast<double>(bins[last - 1].count);
    if (lost > allowed) break;
  }
  return {bins[first].low, bins[last - 1].high};
}

}  // namespace

namespace {

// The share of elements at either end whose clipping the squared error does not weigh: a handful of outliers a photo would otherwise
// coarsen the step of all others. Chosen by the heads' signal-to-noise ratio on calibration photos that the ranges had not seen.
constexpr double kUnweighedTail = 1e-5;

}  // namespace

Result<Range> estimate_range(const std::string& name, const ValueStatistics& statistics, const RangeRequest& request) {
  HT_TRY(check_observed(name, statistics));
  Range widest = with_zero(statistics.extremes().min, statistics.extremes().max);
  if (request.pinned_min) widest.min = std::min(*request.pinned_min, 0.0);
  if (request.pinned_max) widest.max = std::max(*request.pinned_max, 0.0);
  const auto within = [&](double min, double max) {
    return with_zero(request.pinned_min ? widest.min : std::max(min, widest.min),
                     request.pinned_max ? widest.max : std::min(max, widest.max));
  };
  switch (request.method) {
    case RangeMethod::kMinMax:
      return widest;
    case RangeMethod::kAverage: {
      const auto [least, greatest] = statistics.mean_extremes();
      return within(least, greatest);
    }
    case RangeMethod::kPercentile: {
      if (!(request.percentile > 0 && request.percentile <= 100))
        return usage_error("a percentile is above 0 and at most 100, not {}", request.percentile);
      const Range range = without_tails(statistics.histogram(), (1 - request.percentile / 100) / 2);
      return within(range.min, range.max);
    }
    case RangeMethod::kEntropy: {
      const double threshold = entropy_threshold(statistics.histogram());
      return within(-threshold, threshold);
    }
    case RangeMethod::kMse: {
      const Range bulk = without_tails(statistics.histogram(), kUnweighedTail);
      return search_least_error(statistics.histogram(), within(bulk.min, bulk.max), request.pinned_min.has_value(), request.pinned_max.has_value(),
                                request.grid, request.activation);
    }
  }
  return widest;
}

Result<std::vector<Range>> estimate_channel_ranges(const std::string& name, const ValueStatistics& statistics, const RangeRequest& request) {
  HT_TRY(check_observed(name, statistics));
  if (statistics.channels() == 0)
    return input_error("the value '{}' has no axis of channels, so it has no range a channel", name);
  std::vector<Range> ranges;
  const bool by_error = request.method == RangeMethod::kMse && !statistics.channel_histograms().empty();
  for (size_t c = 0; c < statistics.channel_extremes().size(); ++c) {
    const Extremes& extremes = statistics.channel_extremes()[c];
    const Range widest = with_zero(extremes.min, extremes.max);
    ranges.push_back(by_error && !extremes.empty() ? search_least_error(statistics.channel_histograms()[c], widest, false, false, request.grid, request.activation)
                                                   : widest);
  }
  return ranges;
}

Result<Parameters> parameters_from_range(Range range, const IntegerGrid& grid) {
  if (grid.dtype != DType::kInt8 && grid.dtype != DType::kUint8 && grid.dtype != DType::kInt16) {
    return unsupported("activations are quantized to i8, u8 or i16, not {}", dtype_name(grid.dtype));
  }
  if (!std::isfinite(range.min) || !std::isfinite(range.max))
    return input_error("the range [{}, {}] is not finite", range.min, range.max);
  range = with_zero(range.min, range.max);
  const auto [least, greatest] = integer_range(grid.dtype);
  const bool has_sign = least < 0;
  const auto middle = static_cast<int32_t>(has_sign ? 0 : (greatest + 1) / 2);
  const double magnitude = std::max(-range.min, range.max);
  if (magnitude == 0) return Parameters{1, has_sign || grid.symmetric ? middle : 0};
  double scale = grid.symmetric ? magnitude / static_cast<double>(greatest - middle)
                                : (range.max - range.min) / static_cast<double>(greatest - least);
  scale = std::max(scale, kLeastScale);
  if (grid.power_of_two) scale = std::exp2(std::ceil(std::log2(scale)));
  const float stored = static_cast<float>(scale);
  if (!std::isfinite(stored)) return input_error("the range [{}, {}] needs a scale that is not finite", range.min, range.max);
  if (grid.symmetric) return Parameters{stored, middle};
  const double zero_point = static_cast<double>(least) - range.min / static_cast<double>(stored);
  return Parameters{stored, static_cast<int32_t>(std::clamp(std::nearbyint(zero_point), static_cast<double>(least),
                                                            static_cast<double>(greatest)))};
}

Result<Affine> affine_from_range(Range range, const IntegerGrid& grid) {
  HT_ASSIGN(const Parameters parameters, parameters_from_range(range, grid));
  return Affine::per_tensor(parameters.scale, parameters.zero_point);
}

void fill_empty_ranges(std::vector<std::vector<Range>>& values) {
  Range narrowest{0, INFINITY};
  for (const auto& channels : values)
    for (const Range& range : channels)
      if (range != Range{} && range.max - range.min < narrowest.max - narrowest.min) narrowest = range;
  if (!std::isfinite(narrowest.max)) return;
  for (auto& channels : values) std::ranges::replace(channels, Range{}, narrowest);
}

Result<Affine> affine_from_ranges(std::span<const Range> ranges, const IntegerGrid& grid, size_t axis, size_t rank) {
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
  for (const Range& range : ranges) {
    HT_ASSIGN(const Parameters parameters, parameters_from_range(range, grid));
    scales.push_back(parameters.scale);
    zero_points.push_back(parameters.zero_point);
  }
  return Affine::per_axis(std::move(scales), std::move(zero_points), axis, rank);
}

}  // namespace ht
