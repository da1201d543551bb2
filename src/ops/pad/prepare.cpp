// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "ops/pad/pad.h"
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {

namespace {

// Padding with the tensor's own elements gathers them, one axis after the other.
Status prepare_own_elements(const Pad& op, PrepareContext& context) {
  const Shape from = context.input_value(0).type.shape, to = context.output_value().type.shape;
  std::optional<Affine> moved = input_affine(context);
  if (moved && !moved->is_per_tensor()) moved.reset();
  const Layout layout = context.preferred_layout();
  HT_ASSIGN(const Move move, begin_move(context, layout, layout, moved));
  std::vector<std::vector<int32_t>> indices(to.size());
  for (size_t axis = 0; axis < to.size(); ++axis) {
    const bool is_needed = op.pads[axis] != 0 || op.pads[to.size() + axis] != 0 || axis == 0;
    for (int64_t i = 0; is_needed && i < to[axis]; ++i)
      indices[axis].push_back(static_cast<int32_t>(padding_source(op.mode, i - op.pads[axis], from[axis])));
  }
  if (element_count(to) > 0) add_axis_gathers(context, move, layout, indices);
  return {};
}

}  // namespace

Status prepare(const Pad& op, PrepareContext& context) {
  if (op.mode != PadMode::kConstant && !context.output_value().type.shape.empty()) return prepare_own_elements(op, context);
  const Shape input_shape = context.input_value(0).type.shape;
  const TensorType& type = context.output_value().type;
  const size_t rank = type.shape.size();
  std::optional<Affine> moved = input_affine(context);
  if (const auto axis = moved ? moved->axis() : std::nullopt)
    if (op.pads[*axis] != 0 || op.pads[rank + *axis] != 0) moved.reset();
  const Layout layout = moved && !moved->is_per_tensor() ? Layout::kChannelsLast : context.preferred_layout();
  HT_ASSIGN(const Move move, begin_move(context, layout, layout, moved));
  const Buffer& buffer = context.buffer(move.output);

  std::vector<std::shared_ptr<const void>> arrays;
  ht_fill_params fill{};
  fill.element_bytes = static_cast<int32_t>(dtype_size(buffer.dtype));
  const Shape shape = memory_shape(type.shape, layout), strides = strides_of(shape);
  fill.rank = static_cast<int32_t>(std::max<size_t>(rank, 1));
  fill.shape[0] = fill.output_stride[0] = 1;
  for (size_t p = 0; p < rank; ++p) {
    fill.shape[p] = static_cast<int32_t>(shape[p]);
    fill.output_stride[p] = static_cast<int32_t>(strides[p]);
  }
  if (buffer.affine) {
    const int64_t channels = moved->is_per_tensor() ? 1 : type.shape[1];
    const auto scales = moved->scales_along(1, channels);
    const auto zero_points = moved->zero_points_along(1, channels);
    const IntegerRange range = integer_range(buffer.dtype);
    std::vector<uint8_t> values;
    for (size_t c = 0; c < scales.size(); ++c) {
      const double q = std::nearbyint(static_cast<double>(op.value / scales[c])) + zero_points[c];
      const auto element = element_bytes(buffer.dtype, std::clamp(q, static_cast<double>(range.min), static_cast<double>(range.max)));
      values.insert(values.end(), element.begin(), element.end());
    }
    fill.channel_step = channels > 1 ? 1 : 0;
    fill.values = keep(arrays, std::move(values));
  } else {
    fill.values = keep(arrays, element_bytes(buffer.dtype, static_cast<double>(op.value)));
  }
  context.add(KernelId::k_fill, fill, std::move(arrays), {}, move.output);

  View from = whole(context, move.input), to = whole(context, move.output);
  Shape inside(rank);
  for (size_t axis = 0; axis < rank; ++axis) {
    const int64_t begin = op.pads[axis], end = op.pads[rank + axis];
    inside[axis] = input_shape[axis] + std::min<int64_t>(begin, 0) + std::min<int64_t>(end, 0);
    from.offset += std::max<int64_t>(-begin, 0) * from.strides[axis];
    to.offset += std::max<int64_t>(begin, 0) * to.strides[axis];
  }
  if (std::ranges::all_of(inside, [](int64_t size) { return size > 0; }))
    add_copy(context, from, to, inside, memory_order(rank, layout));
  return {};
}

}  // namespace ht
