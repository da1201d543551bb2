// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/common.h"
#include "ops/transpose/transpose.h"

namespace ht {

Result<Types> infer(const Transpose& transpose, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  const Shape& from = inputs[0].type->shape;
  HT_TRY(check_entries("permutation", transpose.permutation, from.size(), 0, static_cast<int64_t>(from.size()) - 1));
  Shape shape;
  for (int64_t axis : transpose.permutation) {
    if (std::ranges::count(transpose.permutation, axis) != 1) return input_error("the permutation names axis {} twice", axis);
    shape.push_back(from[static_cast<size_t>(axis)]);
  }
  return one_output(inputs[0].type->dtype, std::move(shape));
}

QuantRule quant_rule(const Transpose&) { return {QuantKind::kMove, false}; }

}  // namespace ht
