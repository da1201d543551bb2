// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Unary&, InferInputs inputs);
Status reference(const Unary&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Unary&);

// The function itself in double precision; for kNot any non-zero number is true.
double evaluate(const Unary& unary, double x);

}  // namespace ht
