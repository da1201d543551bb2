// SPDX-License-Identifier: Apache-2.0
// How far a figure of a data set would move with other data: the figure of many resamples of it, drawn with replacement.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace ht {

// How often each of `samples` samples is in resample `index`: as many are drawn as there are. Draw k takes sample
// mix(mix(seed) + index 2^32 + k) mod samples, mix being the finalizer of SplitMix64, so that a resample depends on nothing but these numbers.
std::vector<int32_t> resample(uint64_t seed, uint32_t index, uint32_t samples);

struct Interval {
  double low = 0;
  double high = 0;
};

// From the 2.5th to the 97.5th percentile, between two values in proportion (numpy's "linear"); nothing of no values.
std::optional<Interval> interval_95(std::vector<double> values);

}  // namespace ht
