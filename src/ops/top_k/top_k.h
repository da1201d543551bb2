// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const TopK&, InferInputs inputs);
Status reference(const TopK&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const TopK&);

}  // namespace ht
