// SPDX-License-Identifier: Apache-2.0
// Steps that read or write floats in ONNX's order, so that nobody copies them.
#pragma once

#include "plan/plan.h"

namespace ht {

// Where convolutions of one image alone make a value of floats, channels last, and a copy of it to where each channel is a plane is all that reads it: lets
// them write there. Comes after elide_copies(), because steps are moved no more after it.
void write_in_planes(Plan& plan);

// Where a copy of quantized values from planes to pixels is all that reads them: lets the quantization write pixels. Comes after elide_copies() as well.
void quantize_from_planes(Plan& plan);

}  // namespace ht
