// SPDX-License-Identifier: Apache-2.0
#include "ops/arg_extreme/arg_extreme.h"
#include "ops/common.h"

namespace ht {

Result<Types> infer(const ArgExtreme& extreme, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  Shape shape = inputs[0].type->shape;
  HT_TRY(check_axis(extreme.axis, shape.size()));
  int64_t& size = shape[static_cast<size_t>(extreme.axis)];
  if (size == 0) return input_error("axis {} has no elements", extreme.axis);
  size = 1;
  return one_output(DType::kInt64, std::move(shape));
}

QuantRule quant_rule(const ArgExtreme&) { return {}; }

}  // namespace ht
