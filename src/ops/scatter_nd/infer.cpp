// SPDX-License-Identifier: Apache-2.0
#include "ops/indexing.h"
#include "ops/scatter_nd/scatter_nd.h"

namespace ht {

Result<Types> infer(const ScatterND& scatter, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 3));
  const Shape& data = inputs[0].type->shape;
  const Shape& indices = inputs[1].type->shape;
  HT_TRY(check_tuples(data, indices, 0));
  HT_TRY(check_index_input(inputs[1], grid_of_tuples(data, indices, 0)));
  if (inputs[2].type->dtype != inputs[0].type->dtype)
    return input_error("the updates are of {}, the data of {}", dtype_name(inputs[2].type->dtype), dtype_name(inputs[0].type->dtype));
  if (inputs[0].type->dtype == DType::kBool && scatter.reduction != ScatterReduction::kNone)
    return unsupported("a reduction is not defined for the element type bool");
  Shape expected(indices.begin(), indices.end() - 1);
  expected.insert(expected.end(), data.begin() + indices.back(), data.end());
  if (inputs[2].type->shape != expected)
    return input_error("the updates have the shape {} and need {}", shape_text(inputs[2].type->shape), shape_text(expected));
  return one_output(inputs[0].type->dtype, data);
}

QuantRule quant_rule(const ScatterND&) { return {}; }

}  // namespace ht
