// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Gemm&, InferInputs inputs);
Status reference(const Gemm&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Gemm&);

}  // namespace ht
