// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {

Status prepare(const Expand&, PrepareContext& context) {
  const Shape& from_shape = context.input_value(0).type.shape;
  const Shape to_shape = context.output_value().type.shape;
  const bool keeps_rank = from_shape.size() == to_shape.size();
  std::optional<Affine> moved = input_affine(context);
  if (moved && !moved->is_per_tensor() && !keeps_rank) moved.reset();
  const Layout layout = keeps_rank ? context.preferred_layout() : Layout::kPlain;
  HT_ASSIGN(const Move move, begin_move(context, layout, layout, moved));
  const View input = whole(context, move.input);
  const Shape shape = context.buffer(move.input).shape;
  View from{move.input, Shape(to_shape.size(), 0), 0};
  const size_t missing = to_shape.size() - shape.size();
  for (size_t axis = 0; axis < shape.size(); ++axis)
    if (shape[axis] != 1) from.strides[missing + axis] = input.strides[axis];
  add_copy(context, from, whole(context, move.output), to_shape, memory_order(to_shape.size(), layout));
  return {};
}

}  // namespace ht
