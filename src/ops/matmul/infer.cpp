// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/matmul/matmul.h"

namespace ht {

Result<Types> infer(const MatMul&, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 2));
  HT_TRY(check_float(inputs));
  Shape a = inputs[0].type->shape, b = inputs[1].type->shape;
  if (a.empty() || b.empty()) return input_error("an input is a scalar; the product is defined from one axis on");
  const bool a_is_vector = a.size() == 1, b_is_vector = b.size() == 1;
  if (a_is_vector) a.insert(a.begin(), 1);
  if (b_is_vector) b.push_back(1);
  if (a.back() != b[b.size() - 2])
    return input_error("the shapes {} and {} cannot be multiplied", shape_text(inputs[0].type->shape),
                       shape_text(inputs[1].type->shape));
  HT_ASSIGN(Shape shape, broadcast_shapes(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2)));
  if (!a_is_vector) shape.push_back(a[a.size() - 2]);
  if (!b_is_vector) shape.push_back(b.back());
  return one_output(inputs[0].type->dtype, std::move(shape));
}

QuantRule quant_rule(const MatMul&) { return {QuantKind::kWeighted, false}; }

}  // namespace ht
