// SPDX-License-Identifier: Apache-2.0
#include "ops/gather_nd/gather_nd.h"
#include "ops/indexing.h"

namespace ht {

Result<Types> infer(const GatherND& gather, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 2));
  const Shape& data = inputs[0].type->shape;
  const Shape& indices = inputs[1].type->shape;
  HT_TRY(check_tuples(data, indices, gather.batch_dims));
  HT_TRY(check_index_input(inputs[1], grid_of_tuples(data, indices, gather.batch_dims)));
  Shape shape(indices.begin(), indices.end() - 1);
  shape.insert(shape.end(), data.begin() + gather.batch_dims + indices.back(), data.end());
  return one_output(inputs[0].type->dtype, std::move(shape));
}

QuantRule quant_rule(const GatherND&) { return {QuantKind::kMove, false}; }

}  // namespace ht
