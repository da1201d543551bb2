// SPDX-License-Identifier: Apache-2.0
#include "ops/batch_norm/batch_norm.h"
#include "ops/common.h"

namespace ht {

Result<Types> infer(const BatchNormalization&, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 5));
  HT_TRY(check_float(inputs));
  const Shape& x = inputs[0].type->shape;
  if (x.size() < 2) return input_error("input 0 has the shape {} and needs a batch and a channel axis", shape_text(x));
  for (size_t i = 1; i < 5; ++i)
    if (inputs[i].type->shape != Shape{x[1]})
      return input_error("input {} has the shape {} and needs one entry for each of {} channels", i,
                         shape_text(inputs[i].type->shape), x[1]);
  return one_output(inputs[0].type->dtype, x);
}

QuantRule quant_rule(const BatchNormalization&) { return {}; }

}  // namespace ht
