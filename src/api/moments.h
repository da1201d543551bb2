// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "halftone/model.h"
#include "quantize/moments.h"

namespace ht {

// Runs both networks on some photos of the recipe's [calibration], which is there. All of it must outlive the function.
MeasureMoments measure_moments_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context);

}  // namespace ht
