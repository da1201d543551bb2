// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "api/sensitivity.h"
#include "halftone/results.h"

namespace ht {

// What calibration and the photos say of the values that a quantized graph's layers read in integers, in the float graph's order.
Result<std::vector<halftone::AnalyzedValue>> analyze_values(const Graph& graph, const QuantizedVariant& variant, const Statistics& statistics,
                                                            std::span<const TrialPhoto> photos, const Context& context);

// The greatest magnitude over the median one; nothing where fewer than two are above zero.
std::optional<double> spread_of(std::vector<double> magnitudes);

}  // namespace ht
