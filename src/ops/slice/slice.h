// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Slice&, InferInputs inputs);
Status reference(const Slice&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Slice&);

}  // namespace ht
