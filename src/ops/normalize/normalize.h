// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Normalize&, InferInputs inputs);
Status reference(const Normalize&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Normalize&);

}  // namespace ht
