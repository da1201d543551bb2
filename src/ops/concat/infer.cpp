// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "ops/common.h"
#include "ops/concat/concat.h"

namespace ht {

Result<Types> infer(const Concat& concat, InferInputs inputs) {
  if (inputs.empty()) return input_error("has no inputs and needs at least one");
  HT_TRY(check_inputs(inputs, inputs.size()));
  HT_TRY(check_same_dtype(inputs));
  Shape shape = inputs[0].type->shape;
  HT_TRY(check_axis(concat.axis, shape.size()));
  int64_t& joined = shape[static_cast<size_t>(concat.axis)];
  for (size_t i = 1; i < inputs.size(); ++i) {
    Shape other = inputs[i].type->shape;
    const auto axis = static_cast<size_t>(concat.axis);
    const int64_t size = axis < other.size() ? std::exchange(other[axis], joined) : 0;
    if (other != shape)
      return input_error("input {} has the shape {}, input 0 {}; only axis {} may differ", i, shape_text(inputs[i].type->shape),
                         shape_text(inputs[0].type->shape), concat.axis);
    joined += size;
    HT_TRY(checked_element_count(shape));
  }
  return one_output(inputs[0].type->dtype, std::move(shape));
}

QuantRule quant_rule(const Concat&) { return {QuantKind::kMove, false}; }

}  // namespace ht
