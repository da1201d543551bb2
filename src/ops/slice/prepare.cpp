// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {

Status prepare(const Slice& op, PrepareContext& context) {
  const Shape input_shape = context.input_value(0).type.shape;
  std::optional<Affine> moved = input_affine(context);
  if (const auto axis = moved ? moved->axis() : std::nullopt)
    moved = slice_affine(*moved, input_shape, *axis, op.starts[*axis], op.steps[*axis], op.sizes[*axis]);
  const Layout layout = context.preferred_layout();
  HT_ASSIGN(const Move move, begin_move(context, layout, layout, moved));
  View from = whole(context, move.input);
  for (size_t axis = 0; axis < op.starts.size(); ++axis) {
    from.offset += op.starts[axis] * from.strides[axis];
    from.strides[axis] *= op.steps[axis];
  }
  if (element_count(op.sizes) > 0) add_copy(context, from, whole(context, move.output), op.sizes, memory_order(op.sizes.size(), layout));
  return {};
}

}  // namespace ht
