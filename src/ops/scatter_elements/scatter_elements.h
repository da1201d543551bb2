// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const ScatterElements&, InferInputs inputs);
Status reference(const ScatterElements&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const ScatterElements&);

}  // namespace ht
