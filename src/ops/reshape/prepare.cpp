// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {
namespace {

// Channels last in and out is the same memory when batch and channels stay and only spatial axes are joined or split.
bool keeps_channels_last(const Shape& from, const Shape& to) {
  return from.size() >= 3 && to.size() >= 3 && from[0] == to[0] && from[1] == to[1];
}

}  // namespace

Status prepare(const Reshape&, PrepareContext& context) {
  const Shape& from = context.input_value(0).type.shape;
  const TensorType& type = context.output_value().type;
  const bool channels_last = context.layout_of(0) == Layout::kChannelsLast && keeps_channels_last(from, type.shape);
  const Layout layout = channels_last ? Layout::kChannelsLast : Layout::kPlain;
  std::optional<Affine> moved = input_affine(context);
  if (moved && !moved->is_per_tensor()) {
    // Parameters a channel survive where the channel axis does; elsewhere the values are computed as floats.
    const bool survives = moved->axis() == size_t{1} && from.size() >= 2 && type.shape.size() >= 2 && from[0] == type.shape[0] && from[1] == type.shape[1];
    if (survives) {
      HT_ASSIGN(moved, Affine::per_axis(moved->scales(), moved->zero_points(), 1, type.shape.size()));
    } else {
      moved.reset();
    }
  }
  const bool same_integers = moved && keeps_integers(context) && stored_affine(type) == *moved;
  if (same_integers || !type.is_quantized()) {
    const bool real = !type.is_quantized() && (type.dtype == DType::kFloat32);
    const BufferId input = real ? context.float_input(0, layout) : context.raw_input(0, layout);
    context.alias_output(input, layout);
    return {};
  }
  HT_ASSIGN(const Move move, begin_move(context, layout, layout, moved));
  const int64_t count = element_count(type.shape);
  add_copy(context, {move.input, {1}, 0}, {move.output, {1}, 0}, {count}, {0});
  return {};
}

}  // namespace ht
