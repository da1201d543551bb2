// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const BatchNormalization&, InferInputs inputs);
Status reference(const BatchNormalization&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const BatchNormalization&);

}  // namespace ht
