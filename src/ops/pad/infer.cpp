// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/common.h"
#include "ops/pad/pad.h"

namespace ht {

Result<Types> infer(const Pad& pad, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  Shape shape = inputs[0].type->shape;
  const size_t rank = shape.size();
  HT_TRY(check_entries("pads", pad.pads, 2 * rank, -kMostAttribute));
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t begin = pad.pads[axis], end = pad.pads[rank + axis], size = shape[axis];
    const int64_t most = pad.mode == PadMode::kReflect ? size - 1 : size > 0 ? kMostAttribute : 0;
    if (pad.mode != PadMode::kConstant && (begin > most || end > most))
      return input_error("axis {} has {} elements, from which {} and {} cannot be made", axis, size, begin, end);
    shape[axis] = size + begin + end;
    if (size + std::min<int64_t>(begin, 0) + std::min<int64_t>(end, 0) < 0)
      return input_error("crops {} and {} from axis {}, which has {} elements", -begin, -end, axis, size);
  }
  return one_output(inputs[0].type->dtype, std::move(shape));
}

QuantRule quant_rule(const Pad& pad) {
  const size_t rank = pad.pads.size() / 2;
  return {QuantKind::kMove, rank > 1 && pad.pads[1] == 0 && pad.pads[rank + 1] == 0};
}

}  // namespace ht
