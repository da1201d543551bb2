// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/reshape/reshape.h"

namespace ht {

Result<Types> infer(const Reshape& reshape, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  HT_ASSIGN(const int64_t count, checked_element_count(reshape.shape));
  if (count != element_count(inputs[0].type->shape))
    return input_error("input 0 has the shape {}, which cannot become {}", shape_text(inputs[0].type->shape),
                       shape_text(reshape.shape));
  return one_output(inputs[0].type->dtype, reshape.shape);
}

QuantRule quant_rule(const Reshape&) { return {QuantKind::kMove, false}; }

}  // namespace ht
