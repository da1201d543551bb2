// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Pad&, InferInputs inputs);
Status reference(const Pad&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Pad&);

}  // namespace ht
