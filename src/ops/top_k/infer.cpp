// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/top_k/top_k.h"

namespace ht {

Result<Types> infer(const TopK& top, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  Shape shape = inputs[0].type->shape;
  HT_TRY(check_axis(top.axis, shape.size()));
  int64_t& size = shape[static_cast<size_t>(top.axis)];
  if (top.k < 1 || top.k > size) return input_error("takes {} of the {} elements of axis {}", top.k, size, top.axis);
  size = top.k;
  return one_output(DType::kInt64, std::move(shape));
}

QuantRule quant_rule(const TopK&) { return {}; }

}  // namespace ht
