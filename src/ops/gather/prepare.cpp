// SPDX-License-Identifier: Apache-2.0
#include "ops/indexing.h"
#include "ops/prepare.h"

namespace ht {
namespace {

// Indices computed at run time address rows of what lies behind the axis.
IndexGrid grid_of_rows(const Shape& data, const Shape& indices, size_t axis) {
  const auto at = data.begin() + static_cast<std::ptrdiff_t>(axis);
  const int64_t inner = element_count({at + 1, data.end()});
  return {{element_count(indices)}, {0}, {data[axis]}, {inner}, inner, element_count({data.begin(), at}), data[axis] * inner};
}

}  // namespace

Status prepare(const Gather& op, PrepareContext& context) {
  const auto axis = static_cast<size_t>(op.axis);
  const Shape shape = context.input_value(0).type.shape;
  const Value& indices_value = context.input_value(1);
  if (!indices_value.constant) return prepare_take(grid_of_rows(shape, indices_value.type.shape, axis), context);
  std::vector<int32_t> indices;
  for (int64_t index : indices_value.constant->to_int64s()) {
    if (index < 0) index += shape[axis];
    if (index < 0 || index >= shape[axis]) return input_error("an index is outside of the axis, which has {} elements", shape[axis]);
    indices.push_back(static_cast<int32_t>(index));
  }
  // With one axis of indices the rank stays, so the layout and parameters a channel can stay too.
  const bool keeps_rank = indices_value.type.shape.size() == 1;
  const Layout layout = keeps_rank ? context.preferred_layout() : Layout::kPlain;
  std::optional<Affine> moved = input_affine(context);
  if (moved && !moved->is_per_tensor()) {
    if (!keeps_rank) {
      moved.reset();
    } else if (moved->axis() == axis) {
      std::vector<float> scales;
      std::vector<int32_t> zero_points;
      const auto all_scales = moved->scales_along(axis, shape[axis]);
      const auto all_zero_points = moved->zero_points_along(axis, shape[axis]);
      for (int32_t index : indices) {
        scales.push_back(all_scales[static_cast<size_t>(index)]);
        zero_points.push_back(all_zero_points[static_cast<size_t>(index)]);
      }
      HT_ASSIGN(moved, Affine::per_axis(std::move(scales), std::move(zero_points), axis, shape.size()));
    }
  }
  HT_ASSIGN(const Move move, begin_move(context, layout, layout, moved));
  const AxisSplit split = split_at(shape, layout, axis);
  std::vector<std::shared_ptr<const void>> arrays;
  ht_gather_params params{};
  params.element_bytes = static_cast<int32_t>(dtype_size(context.buffer(move.input).dtype));
  params.outer = split.outer;
  params.axis = split.n;
  params.inner = split.inner;
  params.count = static_cast<int32_t>(indices.size());
  params.indices = keep(arrays, std::move(indices));
  context.add(KernelId::k_gather, params, std::move(arrays), {move.input}, move.output);
  return {};
}

}  // namespace ht
