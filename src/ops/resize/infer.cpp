// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/common.h"
#include "ops/resize/resize.h"

namespace ht {

Result<Types> infer(const Resize& resize, InferInputs inputs) {
  HT_TRY(check_inputs(inputs, 1));
  const TensorType& x = *inputs[0].type;
  if (resize.mode == ResizeMode::kNearest ? x.dtype == DType::kBool : !is_float(x.dtype))
    return unsupported("is not defined for the element type {}", dtype_name(x.dtype));
  HT_TRY(check_entries("sizes", resize.sizes, x.shape.size(), 0));
  if (resize.scales.size() != x.shape.size())
    return input_error("scales has {} entries and needs {}", resize.scales.size(), x.shape.size());
  for (size_t axis = 0; axis < x.shape.size(); ++axis) {
    if (!std::isnormal(resize.scales[axis]) || resize.scales[axis] < 0)
      return input_error("the scale of axis {} is {}; scales must be positive and finite", axis, resize.scales[axis]);
    const double scaled = static_cast<double>(x.shape[axis]) * resize.scales[axis];
    const double slack = 1 + 1e-6 * scaled;
    const bool fits = scaled >= 0.5 && std::abs(scaled - static_cast<double>(resize.sizes[axis])) <= slack;
    if (!fits && x.shape[axis] != 0)
      return input_error("axis {} has {} elements, which the scale {} does not make {}", axis, x.shape[axis], resize.scales[axis],
                         resize.sizes[axis]);
    if ((x.shape[axis] == 0) != (resize.sizes[axis] == 0))
      return input_error("the shape {} cannot be resized to {}", shape_text(x.shape), shape_text(resize.sizes));
  }
  return one_output(x.dtype, resize.sizes);
}

QuantRule quant_rule(const Resize& resize) {
  const bool keeps_channels = resize.scales.size() > 1 && resize.scales[1] == 1;
  return {resize.mode == ResizeMode::kNearest  ? QuantKind::kMove
          : resize.mode == ResizeMode::kLinear ? QuantKind::kArithmetic
                                               : QuantKind::kFloat,
          keeps_channels};
}

}  // namespace ht
