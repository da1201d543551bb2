// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Concat&, InferInputs inputs);
Status reference(const Concat&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Concat&);

}  // namespace ht
