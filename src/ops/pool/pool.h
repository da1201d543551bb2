// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/common.h"

namespace ht {

Result<Types> infer(const Pool&, InferInputs inputs);
Status reference(const Pool&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Pool&);

// The windows over an input of this shape, global pooling included.
Result<Windows> windows_of(const Pool& pool, const Shape& input);

}  // namespace ht
