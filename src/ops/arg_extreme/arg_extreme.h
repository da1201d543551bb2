// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const ArgExtreme&, InferInputs inputs);
Status reference(const ArgExtreme&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const ArgExtreme&);

}  // namespace ht
