// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Binary&, InferInputs inputs);
Status reference(const Binary&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Binary&);

}  // namespace ht
