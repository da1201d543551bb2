// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const GatherElements&, InferInputs inputs);
Status reference(const GatherElements&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const GatherElements&);

}  // namespace ht
