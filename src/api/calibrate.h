// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/samples.h"
#include "halftone/operations.h"

namespace ht {

// The samples that [calibration] names.
Result<Samples> calibration_samples(const Graph& graph, const halftone::Recipe& recipe);

Result<halftone::Model> load_float_model(const halftone::Recipe& recipe, const Context& context);

Result<halftone::Statistics> calibrate_model(const halftone::Model& model, const halftone::Recipe& recipe,
                                             const halftone::CalibrateOptions& options, const Context& context);

}  // namespace ht
