// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "import/onnx/model.h"

namespace ht {

// Where NonMaxSuppression chooses the rows of boxes, scores and labels that the model gives, and does nothing else, the model gives all rows
// instead: how many are chosen is known at run time only, and suppression is the detector head's. Other uses stay as they are.
void leave_out_closing_suppression(OnnxModel& model);

}  // namespace ht
