// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/facets.h"

namespace ht {

Result<Types> infer(const Convert&, InferInputs inputs);
Status reference(const Convert&, InputTensors inputs, OutputTensors outputs);
QuantRule quant_rule(const Convert&);

// saturate(round_half_even(x / scale) + zero_point) of a float tensor, the division in single precision; NaN becomes the
// zero point. The parameters must fit the type and the shape.
Tensor quantize(const Tensor& tensor, DType to, const Affine& affine);

}  // namespace ht
