// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Expand&, InferInputs inputs);
Status reference(const Expand&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Expand&);

}  // namespace ht
