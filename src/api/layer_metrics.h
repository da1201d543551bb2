// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "api/sensitivity.h"
#include "halftone/results.h"

namespace ht {

// The task's metric on the recipe's [validation] of the float network, of the whole one in integers, and for each of result.layers (as
// `variant` has them, in its order) what is lost with it alone in integers, and won with it alone in float among those of `whole`.
Status measure_metric(const halftone::Model& model, const halftone::Recipe& recipe, const QuantizedVariant& variant, const QuantizedVariant& whole,
                      std::optional<int64_t> limit, Sensitivity& sensitivity, const Context& context, halftone::AnalyzeResult& result);

}  // namespace ht
