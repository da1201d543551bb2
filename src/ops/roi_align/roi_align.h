// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const RoiAlign&, InferInputs inputs);
Status reference(const RoiAlign&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const RoiAlign&);

}  // namespace ht
