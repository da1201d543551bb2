// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/gemm/gemm.h"

namespace ht {

Result<Types> infer(const Gemm& gemm, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 2, 1));
  HT_TRY(check_float(inputs));
  const Shape& a = inputs[0].type->shape;
  const Shape& b = inputs[1].type->shape;
  if (a.size() != 2 || b.size() != 2)
    return input_error("inputs 0 and 1 have the shapes {} and {} and must be matrices", shape_text(a), shape_text(b));
  if (a[gemm.transpose_a ? 0 : 1] != b[gemm.transpose_b ? 1 : 0])
    return input_error("the matrices {} and {} cannot be multiplied", shape_text(a), shape_text(b));
  Shape shape = {a[gemm.transpose_a ? 1 : 0], b[gemm.transpose_b ? 0 : 1]};
  if (inputs.size() == 3 && inputs[2].type) {
    HT_ASSIGN(const Shape broadcast, broadcast_shapes(inputs[2].type->shape, shape));
    if (broadcast != shape)
      return input_error("input 2 has the shape {}, which does not broadcast to the product's {}",
                         shape_text(inputs[2].type->shape), shape_text(shape));
  }
  return one_output(inputs[0].type->dtype, std::move(shape));
}

QuantRule quant_rule(const Gemm&) { return {QuantKind::kWeighted, false}; }

}  // namespace ht
