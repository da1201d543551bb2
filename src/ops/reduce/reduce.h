// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Reduce&, InferInputs inputs);
Status reference(const Reduce&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Reduce&);

// What a reduction of no elements gives, in elements of the type.
double reduction_of_nothing(ReduceKind kind, DType dtype);

}  // namespace ht
