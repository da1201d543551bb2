// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/softmax/softmax.h"

namespace ht {

Result<Types> infer(const Softmax& softmax, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  HT_TRY(check_float(inputs));
  HT_TRY(check_axis(softmax.axis, inputs[0].type->shape.size()));
  return one_output(inputs[0].type->dtype, inputs[0].type->shape);
}

QuantRule quant_rule(const Softmax&) { return {}; }

}  // namespace ht
