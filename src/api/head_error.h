// SPDX-License-Identifier: Apache-2.0
// What integers make of a network's heads.
#pragma once

#include <functional>

#include "halftone/model.h"
#include "ir/graph.h"

namespace ht {

// For each quantized graph the mean over the float network's heads and a few photos of a head's squared error in units of its mean square.
// Heads that one of the graphs does not have under their name do not count; integers count as what they stand for. Empty where there is no head to
// compare, or none of the photos can be read and those are left out.
using MeasureHeads = std::function<Result<std::vector<double>>(std::span<const Graph* const> quantized)>;

// On a few photos of the recipe's [calibration], which is there. All of it must outlive the function that is returned.
MeasureHeads measure_heads_on_photos(const halftone::Model& model, const halftone::Recipe& recipe, bool skip_bad, const Context& context);

// Fails where an output of the quantized graph is one number for all elements of a few photos of [calibration], but not that of the float model.
Status check_outputs_on_photos(const halftone::Model& model, const Graph& quantized, const halftone::Recipe& recipe, bool skip_bad, const Context& context);

}  // namespace ht
