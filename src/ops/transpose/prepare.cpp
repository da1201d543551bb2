// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {

Status prepare(const Transpose& op, PrepareContext& context) {
  const TensorType& type = context.output_value().type;
  const size_t rank = type.shape.size();
  std::optional<Affine> moved = input_affine(context);
  if (const auto axis = moved ? moved->axis() : std::nullopt) {
    size_t position = 0;
    while (op.permutation[position] != static_cast<int64_t>(*axis)) ++position;
    HT_ASSIGN(moved, Affine::per_axis(moved->scales(), moved->zero_points(), position, rank));
  }
  const Layout from_layout = context.preferred_layout();
  // The order of the input's axes that a layout of the output asks for; if that is how they lie, nothing moves.
  auto lies_so = [&](Layout layout) {
    const auto wanted = memory_order(rank, layout);
    const auto present = memory_order(rank, from_layout);
    Shape a, b;
    for (size_t p = 0; p < rank; ++p) {
      const auto axis = static_cast<size_t>(op.permutation[wanted[p]]);
      if (type.shape[wanted[p]] != 1) a.push_back(static_cast<int64_t>(axis));
      if (context.input_value(0).type.shape[present[p]] != 1) b.push_back(static_cast<int64_t>(present[p]));
    }
    return a == b;
  };
  const Layout to_layout = lies_so(Layout::kPlain) ? Layout::kPlain : lies_so(Layout::kChannelsLast) ? Layout::kChannelsLast : Layout::kPlain;
  const bool same_integers = moved && keeps_integers(context) && stored_affine(type) == *moved;
  if (lies_so(to_layout) && (same_integers || !type.is_quantized())) {
    const bool real = !type.is_quantized() && type.dtype == DType::kFloat32;
    const BufferId input = real ? context.float_input(0, from_layout) : context.raw_input(0, from_layout);
    context.alias_output(input, to_layout);
    return {};
  }
  HT_ASSIGN(const Move move, begin_move(context, from_layout, to_layout, moved));
  const View input = whole(context, move.input);
  View from{move.input, Shape(rank), 0};
  for (size_t axis = 0; axis < rank; ++axis) from.strides[axis] = input.strides[static_cast<size_t>(op.permutation[axis])];
  add_copy(context, from, whole(context, move.output), type.shape, memory_order(rank, to_layout));
  return {};
}

}  // namespace ht
