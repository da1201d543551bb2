// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/samples.h"
#include "halftone/operations.h"

namespace ht {

// All samples that [calibration] names, and the first `count` of them, which ranges come from.
Result<Samples> all_calibration_samples(const Graph& graph, const halftone::Recipe& recipe);
Result<Samples> calibration_samples(const Graph& graph, const halftone::Recipe& recipe);

Result<halftone::Model> load_float_model(const halftone::Recipe& recipe, const Context& context);

Result<halftone::Statistics> calibrate_model(const halftone::Model& model, const halftone::Recipe& recipe,
                                             const halftone::CalibrateOptions& options, const Context& context);

}  // namespace ht
