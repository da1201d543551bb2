// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/cumulative/cumulative.h"

namespace ht {

Result<Types> infer(const Cumulative& cumulative, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  const TensorType& x = *inputs[0].type;
  if (!is_float(x.dtype) && !is_integer(x.dtype)) return unsupported("is not defined for the element type {}", dtype_name(x.dtype));
  HT_TRY(check_axis(cumulative.axis, x.shape.size()));
  return one_output(x.dtype, x.shape);
}

QuantRule quant_rule(const Cumulative&) { return {}; }

}  // namespace ht
