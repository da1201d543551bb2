// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const ScatterND&, InferInputs inputs);
Status reference(const ScatterND&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const ScatterND&);

}  // namespace ht
