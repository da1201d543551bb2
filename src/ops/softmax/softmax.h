// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Softmax&, InferInputs inputs);
Status reference(const Softmax&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Softmax&);

}  // namespace ht
