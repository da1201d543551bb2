// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Reshape&, InferInputs inputs);
Status reference(const Reshape&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Reshape&);

}  // namespace ht
