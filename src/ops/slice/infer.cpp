// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/slice/slice.h"

namespace ht {

Result<Types> infer(const Slice& slice, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  const Shape& shape = inputs[0].type->shape;
  HT_TRY(check_entries("starts", slice.starts, shape.size(), 0, INT64_MAX));
  HT_TRY(check_entries("steps", slice.steps, shape.size(), -kMostAttribute));
  HT_TRY(check_entries("sizes", slice.sizes, shape.size(), 0));
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (slice.sizes[axis] == 0) continue;
    const int64_t start = slice.starts[axis];
    const int64_t last = start < shape[axis] ? start + (slice.sizes[axis] - 1) * slice.steps[axis] : -1;
    if (last < 0 || last >= shape[axis])
      return input_error("{} elements from {} on, {} apart, leave axis {} of the shape {}", slice.sizes[axis], start,
                         slice.steps[axis], axis, shape_text(shape));
  }
  return one_output(inputs[0].type->dtype, slice.sizes);
}

// A reader that needs all channels must compare their number before and after: a shorter axis 1 is not seen from here.
QuantRule quant_rule(const Slice& slice) {
  const bool keeps_channels = slice.starts.size() > 1 && slice.starts[1] == 0 && slice.steps[1] == 1;
  return {QuantKind::kMove, keeps_channels};
}

}  // namespace ht
