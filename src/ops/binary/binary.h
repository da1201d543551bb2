// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Binary&, InferInputs inputs);
Status reference(const Binary&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Binary&);

// The function itself in double precision; comparisons and logic give 0 or 1.
double evaluate(const Binary& binary, double a, double b);

}  // namespace ht
