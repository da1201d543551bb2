// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Cumulative&, InferInputs inputs);
Status reference(const Cumulative&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Cumulative&);

}  // namespace ht
