// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/normalize/normalize.h"

namespace ht {

Result<Types> infer(const Normalize& normalize, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  HT_TRY(check_float(inputs));
  const Shape& shape = inputs[0].type->shape;
  HT_TRY(check_axis(normalize.axis, shape.size()));
  if (!(normalize.epsilon >= 0)) return input_error("epsilon is {} and must not be negative", normalize.epsilon);
  return one_output(inputs[0].type->dtype, shape);
}

QuantRule quant_rule(const Normalize&) { return {}; }

}  // namespace ht
