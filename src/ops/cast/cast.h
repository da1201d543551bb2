// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Cast&, InferInputs inputs);
Status reference(const Cast&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Cast&);

}  // namespace ht
