// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Pad&, InferInputs inputs);
Status reference(const Pad&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Pad&);

// The index that serves position i, which may be outside 0 <= i < size; -1 where that is the constant.
int64_t padding_source(PadMode mode, int64_t i, int64_t size);

}  // namespace ht
