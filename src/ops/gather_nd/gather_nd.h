// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const GatherND&, InferInputs inputs);
Status reference(const GatherND&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const GatherND&);

}  // namespace ht
