// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "halftone/model.h"
#include "quantize/spare.h"

namespace ht {

// The inputs that a few photos make, evenly spread over the recipe's [calibration], which is there.
Result<std::vector<std::vector<Tensor>>> read_few_photos(const Graph& graph, const halftone::Recipe& recipe, bool skip_bad);

// Measures on a few photos of the recipe's [calibration], which is there. All of it must outlive the function that is returned.
MeasureRoundings measure_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context);

}  // namespace ht
