// SPDX-License-Identifier: Apache-2.0
// What a bundle takes from its caller and gives back: what the network computes with, so that nobody converts twice.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.h"

namespace ht {

// Takes away the quantization of inputs that are read in integers alone, the dequantization of outputs, and what only changes the order of
// axes on either side: the plan's inputs and outputs are then the values in between, under the names they had. Before elide_copies().
void use_inner_values(Plan& plan);

// Gives every output memory of its own, to which a copy is added where it lies in that of an input, a constant, or another output, or
// where it has gaps. After elide_copies().
void separate_outputs(Plan& plan);

}  // namespace ht
