// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "ops/prepare.h"
#include "ops/resize/resize.h"
#include "ops/steps.h"

namespace ht {
namespace {

// The taps of one axis as the kernels read them; unused ones repeat the last position with weight 0.
ht_resample_axis kernel_axis(const Resize& op, size_t axis, int64_t in, std::vector<std::shared_ptr<const void>>& arrays) {
  const auto positions = resize_taps(op, axis, in);
  size_t taps = 1;
  for (const auto& position : positions) taps = std::max(taps, position.size());
  std::vector<int32_t> index;
  std::vector<int16_t> fixed;
  std::vector<float> weight;
  for (const auto& position : positions) {
    int32_t left = 1 << HT_RESAMPLE_BITS;
    for (size_t t = 0; t < taps; ++t) {
      const bool is_used = t < position.size();
      const double w = is_used ? position[t].weight : 0.0;
      index.push_back(static_cast<int32_t>(is_used ? position[t].index : position.back().index));
      weight.push_back(static_cast<float>(w));
      const bool is_last = t + 1 == position.size();
      const auto units = static_cast<int32_t>(is_last ? left : std::lround(w * (1 << HT_RESAMPLE_BITS)));
      fixed.push_back(static_cast<int16_t>(is_used ? units : 0));
      left -= is_used ? units : 0;
    }
  }
  ht_resample_axis result{};
  result.taps = static_cast<int32_t>(taps);
  result.index = keep(arrays, std::move(index));
  result.fixed = keep(arrays, std::move(fixed));
  result.weight = keep(arrays, std::move(weight));
  return result;
}

bool changes_only_planes(const Resize& op, const Shape& input) {
  return input.size() >= 3 && input.size() <= 4 && op.sizes[0] == input[0] && op.sizes[1] == input[1];
}

// The nearest elements along any axes, of any type.
Status prepare_nearest(const Resize& op, PrepareContext& context) {
  const Shape input = context.input_value(0).type.shape;
  std::optional<Affine> moved = input_affine(context);
  if (moved && !moved->is_per_tensor()) moved.reset();
  const Layout layout = context.preferred_layout();
  HT_ASSIGN(const Move move, begin_move(context, layout, layout, moved));
  std::vector<std::vector<int32_t>> indices(input.size());
  for (size_t axis = 0; axis < input.size(); ++axis) {
    if (op.sizes[axis] == input[axis] && op.scales[axis] == 1 && axis != 0) continue;
    for (const auto& taps : resize_taps(op, axis, input[axis])) indices[axis].push_back(static_cast<int32_t>(taps.front().index));
  }
  if (element_count(op.sizes) > 0) add_axis_gathers(context, move, layout, indices);
  return {};
}

}  // namespace

Status prepare(const Resize& op, PrepareContext& context) {
  const TensorType& type = context.input_value(0).type;
  const bool is_real = type.is_quantized() || type.dtype == DType::kFloat32;
  const bool fits_kernel = changes_only_planes(op, type.shape) && is_real;
  if (op.mode == ResizeMode::kNearest && !fits_kernel && !type.shape.empty()) return prepare_nearest(op, context);
  const Shape input = context.input_value(0).type.shape;
  if (!fits_kernel)
    return unsupported("a resize from {} to {} cannot be computed: only one or two spatial axes of N, C, spatial can change", shape_text(input),
                       shape_text(op.sizes));
  std::vector<std::shared_ptr<const void>> arrays;
  ht_resample_params params{};
  const size_t last = input.size() - 1;
  params.batch = static_cast<int32_t>(input[0]);
  params.channels = params.input_stride = params.output_stride = static_cast<int32_t>(input[1]);
  params.input_height = params.output_height = 1;
  params.input_width = static_cast<int32_t>(input[last]);
  params.output_width = static_cast<int32_t>(op.sizes[last]);
  params.x = kernel_axis(op, last, input[last], arrays);
  if (last == 3) {
    params.input_height = static_cast<int32_t>(input[2]);
    params.output_height = static_cast<int32_t>(op.sizes[2]);
    params.y = kernel_axis(op, 2, input[2], arrays);
  } else {
    params.y.taps = 1;
    params.y.index = keep(arrays, std::vector<int32_t>{0});
  }
  const std::optional<Affine> moved = is_8bit(type) ? input_affine(context) : std::nullopt;
  HT_ASSIGN(const Move move, begin_move(context, Layout::kChannelsLast, Layout::kChannelsLast, moved));
  const bool integer = context.buffer(move.output).dtype == DType::kInt8;
  context.add(integer ? KernelId::k_resample : KernelId::k_resample_f32, params, std::move(arrays), {move.input}, move.output);
  return {};
}

}  // namespace ht
