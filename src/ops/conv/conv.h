// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Conv&, InferInputs inputs);
Status reference(const Conv&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Conv&);

}  // namespace ht
