// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "import/onnx/model.h"

namespace ht {

// Where NonMaxSuppression chooses the rows of boxes, scores and labels that the model gives, and does nothing else, the model gives all rows
// instead: how many are chosen is known at run time only, and suppression is the detector head's. Other uses stay as they are.
void leave_out_closing_suppression(OnnxModel& model);

// The overlap that a NonMaxSuppression allows; what overlaps more is dropped, and by ONNX's default whatever overlaps. Nothing where
// it is not known.
std::optional<float> allowed_overlap(const OnnxModel& model, const OnnxNode& suppression);

}  // namespace ht
