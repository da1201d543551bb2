// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {

Status prepare(const Concat& op, PrepareContext& context) {
  const auto axis = static_cast<size_t>(op.axis);
  const TensorType& type = context.output_value().type;
  const bool any_integers = std::ranges::any_of(context.node().inputs, [&](ValueId id) { return is_stored(context.graph().value(id).type); });
  const bool integer = is_stored(type) && any_integers;
  const Layout layout = context.preferred_layout();
  const bool is_data = !type.is_quantized() && type.dtype != DType::kFloat32;
  BufferId output;
  if (integer || is_data) {
    output = context.output(layout);
  } else {
    HT_ASSIGN(output, context.float_output(layout));
  }
  const Shape strides = layout_strides(type.shape, layout);
  int64_t start = 0;
  for (size_t i = 0; i < context.node().inputs.size(); ++i) {
    const Shape shape = context.input_value(i).type.shape;
    BufferId input;
    if (integer) {
      const Affine part = slice_affine(stored_affine(type), type.shape, axis, start, 1, shape[axis]);
      HT_ASSIGN(input, context.integer_input_as(i, layout, type.dtype, part));
    } else {
      input = is_data ? context.raw_input(i, layout) : context.float_input(i, layout);
    }
    if (element_count(shape) > 0)
      add_copy(context, whole(context, input), {output, strides, start * strides[axis]}, shape, memory_order(shape.size(), layout));
    start += shape[axis];
  }
  return {};
}

}  // namespace ht
