// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/expand/expand.h"

namespace ht {

Result<Types> infer(const Expand& expand, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  HT_ASSIGN(const Shape shape, broadcast_shapes(inputs[0].type->shape, expand.shape));
  if (shape != expand.shape)
    return input_error("input 0 has the shape {}, which does not broadcast to {}", shape_text(inputs[0].type->shape),
                       shape_text(expand.shape));
  return one_output(inputs[0].type->dtype, shape);
}

QuantRule quant_rule(const Expand&) { return {QuantKind::kMove, false}; }

}  // namespace ht
