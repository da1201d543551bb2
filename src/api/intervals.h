// SPDX-License-Identifier: Apache-2.0
// Intervals of a validation's figures from resamples of its data.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "base/result.h"
#include "halftone/operations.h"

namespace ht {

// What validation finds on some samples, as fractions; nothing where there is no such model or the samples have no such figure.
struct Figures {
  std::optional<double> real, quantized, agreement;
};

// Fills the intervals of `result`, which knows the number of samples, from `count` resamples. `measure` says what samples give that are taken as
// often as `copies` says at their places; it is called from `lanes` threads.
Status add_intervals(int64_t count, uint64_t seed, int lanes, const Context& context,
                     const std::function<Figures(std::span<const int32_t> copies)>& measure, halftone::ValidateResult& result);

}  // namespace ht
