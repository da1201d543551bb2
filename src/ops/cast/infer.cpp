// SPDX-License-Identifier: Apache-2.0
#include "ops/cast/cast.h"
#include "ops/common.h"

namespace ht {

Result<Types> infer(const Cast& cast, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  return one_output(cast.to, inputs[0].type->shape);
}

QuantRule quant_rule(const Cast&) { return {}; }

}  // namespace ht
