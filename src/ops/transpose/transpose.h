// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Transpose&, InferInputs inputs);
Status reference(const Transpose&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Transpose&);

}  // namespace ht
