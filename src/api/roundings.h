// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "halftone/model.h"
#include "quantize/spare.h"

namespace ht {

// Measures on a few photos of the recipe's [calibration], which is there. All of it must outlive the function that is returned.
MeasureRoundings measure_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context);

}  // namespace ht
