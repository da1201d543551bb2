// SPDX-License-Identifier: Apache-2.0
#include "evaluate/bootstrap.h"

#include <algorithm>

namespace ht {
namespace {

// The finalizer of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014) behind its increment.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

// `sorted` holds something.
double percentile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

std::vector<int32_t> resample(uint64_t seed, uint32_t index, uint32_t samples) {
  std::vector<int32_t> copies(samples);
  const uint64_t first = mix(seed) + (uint64_t{index} << 32);
  for (uint32_t k = 0; k < samples; ++k) ++copies[mix(first + k) % samples];
  return copies;
}

std::optional<Interval> interval_95(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  std::sort(values.begin(), values.end());
  return Interval{percentile(values, 0.025), percentile(values, 0.975)};
}

}  // namespace ht
