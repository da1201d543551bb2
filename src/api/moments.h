// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "halftone/model.h"
#include "quantize/gptq.h"

namespace ht {

// Observes the float network on some photos of the recipe's [calibration], which is there. All of it must outlive the function.
MeasureMoments measure_moments_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context);

// The same, which measures what it has not measured before: a product with the same input on the same grid. From one thread at a time.
MeasureMoments remembering(MeasureMoments measure);

}  // namespace ht
