// SPDX-License-Identifier: Apache-2.0
// Convolutions that write floats in ONNX's order.
#pragma once

#include "plan/plan.h"

namespace ht {

// Where convolutions of one image alone make a value of floats, channels last, and a copy of it to where each channel is a plane is all that reads it: lets
// them write there. Comes after elide_copies(), because steps are moved no more after it.
void write_in_planes(Plan& plan);

}  // namespace ht
