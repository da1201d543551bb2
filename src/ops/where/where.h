// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Where&, InferInputs inputs);
Status reference(const Where&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Where&);

}  // namespace ht
