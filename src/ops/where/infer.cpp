// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/where/where.h"

namespace ht {

Result<Types> infer(const Where&, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 3));
  if (inputs[0].type->dtype != DType::kBool)
    return input_error("input 0, the condition, has the element type {} and must be bool", dtype_name(inputs[0].type->dtype));
  HT_TRY(check_same_dtype(inputs.subspan(1)));
  HT_ASSIGN(const Shape chosen, broadcast_shapes(inputs[1].type->shape, inputs[2].type->shape));
  HT_ASSIGN(Shape shape, broadcast_shapes(inputs[0].type->shape, chosen));
  return one_output(inputs[1].type->dtype, std::move(shape));
}

QuantRule quant_rule(const Where&) { return {}; }

}  // namespace ht
