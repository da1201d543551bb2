// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const MatMul&, InferInputs inputs);
Status reference(const MatMul&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const MatMul&);

}  // namespace ht
