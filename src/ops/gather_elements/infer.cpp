// SPDX-License-Identifier: Apache-2.0
#include "ops/gather_elements/gather_elements.h"
#include "ops/indexing.h"

namespace ht {

Result<Types> infer(const GatherElements& gather, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 2));
  const Shape& data = inputs[0].type->shape;
  const Shape& indices = inputs[1].type->shape;
  HT_TRY(check_elements(data, indices, gather.axis));
  HT_TRY(check_index_input(inputs[1], grid_of_elements(data, indices, gather.axis)));
  return one_output(inputs[0].type->dtype, indices);
}

QuantRule quant_rule(const GatherElements&) { return {QuantKind::kMove, false}; }

}  // namespace ht
