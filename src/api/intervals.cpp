// SPDX-License-Identifier: Apache-2.0
#include "api/intervals.h"

#include <limits>
#include <numeric>

#include "api/samples.h"
#include "api/validation.h"
#include "evaluate/bootstrap.h"

namespace ht {
namespace {

std::optional<halftone::Interval> to_public(const std::optional<Interval>& interval) {
  if (!interval) return std::nullopt;
  return halftone::Interval{interval->low, interval->high};
}

// Of what `pick` finds in each of the resamples.
template <class Pick>
std::vector<double> collect(const std::vector<Figures>& resamples, Pick pick) {
  std::vector<double> values;
  for (const Figures& figures : resamples) {
    if (const std::optional<double> value = pick(figures)) values.push_back(*value);
  }
  return values;
}

std::optional<double> drop_of(const Figures& figures) {
  if (!figures.real || !figures.quantized) return std::nullopt;
  return kPoints * (*figures.real - *figures.quantized);
}

std::optional<halftone::Interval> interval_of(const std::vector<double>& values) { return to_public(interval_95(values)); }

}  // namespace

Status add_intervals(int64_t count, uint64_t seed, int lanes, const Context& context,
                     const std::function<Figures(std::span<const int32_t> copies)>& measure, halftone::ValidateResult& result) {
  if (count == 0) return {};
  if (count < 0 || count > std::numeric_limits<int32_t>::max()) return usage_error("{} is no number of resamples", count);
  if (result.images > std::numeric_limits<int32_t>::max()) return usage_error("{} samples are too many to draw from", result.images);
  std::vector<Figures> resamples(static_cast<size_t>(count));
  HT_TRY(for_each_sample(context, "bootstrap", count, lanes, [&](int64_t index, int) -> Status {
    resamples[static_cast<size_t>(index)] = measure(resample(seed, static_cast<uint32_t>(index), static_cast<uint32_t>(result.images)));
    return {};
  }));
  result.bootstrap = count;
  result.float_interval = interval_of(collect(resamples, [](const Figures& figures) { return figures.real; }));
  result.quantized_interval = interval_of(collect(resamples, [](const Figures& figures) { return figures.quantized; }));
  result.agreement_interval = interval_of(collect(resamples, [](const Figures& figures) { return figures.agreement; }));
  const std::vector<double> drops = collect(resamples, drop_of);
  result.drop_interval = interval_of(drops);
  if (!drops.empty()) result.drop_mean = std::accumulate(drops.begin(), drops.end(), 0.0) / static_cast<double>(drops.size());
  return {};
}

}  // namespace ht
