// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/common.h"
#include "ops/gather/gather.h"

namespace ht {

Status check_indices(std::span<const int64_t> indices, int64_t size) {
  for (int64_t index : indices)
    if (index < -size || index >= size) return input_error("the index {} is outside an axis of {} elements", index, size);
  return {};
}

Result<Types> infer(const Gather& gather, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 2));
  const Shape& data = inputs[0].type->shape;
  const TensorType& indices = *inputs[1].type;
  HT_TRY(check_axis(gather.axis, data.size()));
  if (indices.dtype != DType::kInt32 && indices.dtype != DType::kInt64)
    return input_error("input 1 has the element type {}; indices are i32 or i64", dtype_name(indices.dtype));
  if (inputs[1].constant) HT_TRY(check_indices(inputs[1].constant->to_int64s(), data[static_cast<size_t>(gather.axis)]));
  Shape shape(data.begin(), data.begin() + gather.axis);
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), data.begin() + gather.axis + 1, data.end());
  return one_output(inputs[0].type->dtype, std::move(shape));
}

QuantRule quant_rule(const Gather&) { return {QuantKind::kMove, false}; }

}  // namespace ht
