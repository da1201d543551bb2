// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const GridSample&, InferInputs inputs);
Status reference(const GridSample&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const GridSample&);

}  // namespace ht
