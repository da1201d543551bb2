// SPDX-License-Identifier: Apache-2.0
#include "ops/steps.h"

#include <algorithm>
#include <utility>

#include "ops/common.h"
#include "plan/copy.h"

namespace ht {

bool is_8bit(const TensorType& type) { return type.affine && (type.dtype == DType::kInt8 || type.dtype == DType::kUint8); }

bool has_scales_along(const TensorType& type, size_t channel_axis) { return type.affine->is_per_tensor() || type.affine->axis() == channel_axis; }

bool is_8bit_node(const PrepareContext& context) {
  const auto has_channels = [](const TensorType& type) { return is_8bit(type) && has_scales_along(type, 1); };
  return has_channels(context.input_value(0).type) && has_channels(context.output_value().type);
}

void add_copy(PrepareContext& context, const View& from, const View& to, const Shape& shape, const std::vector<size_t>& order) {
  ht_copy_params copy = make_copy(dtype_size(context.buffer(from.buffer).dtype), shape, order, from.strides, to.strides);
  copy.input_offset = static_cast<int32_t>(from.offset);
  copy.output_offset = static_cast<int32_t>(to.offset);
  context.add(KernelId::k_copy, copy, {}, {from.buffer}, to.buffer);
}

View whole(const PrepareContext& context, BufferId id) {
  const Buffer& buffer = context.buffer(id);
  return {id, layout_strides(buffer.shape, buffer.layout), 0};
}

bool keeps_integers(const PrepareContext& context) {
  const TensorType& input = context.input_value(0).type;
  const TensorType& output = context.output_value().type;
  return is_stored(input) && is_stored(output) && dtype_size(input.dtype) == dtype_size(output.dtype);
}

std::optional<Affine> input_affine(const PrepareContext& context) {
  const TensorType& type = context.input_value(0).type;
  return is_stored(type) ? std::optional(stored_affine(type)) : std::nullopt;
}

Result<Move> begin_move(PrepareContext& context, Layout input_layout, Layout output_layout, const std::optional<Affine>& moved) {
  const TensorType& type = context.input_value(0).type;
  if (moved && keeps_integers(context)) return Move{context.integer_input(0, input_layout), context.integer_output(output_layout, *moved)};
  if (!type.is_quantized() && type.dtype != DType::kFloat32)
    return Move{context.raw_input(0, input_layout), context.output(output_layout)};
  const BufferId input = context.float_input(0, input_layout);
  HT_ASSIGN(const BufferId output, context.float_output(output_layout));
  return Move{input, output};
}

std::optional<int32_t> kernel_type(DType dtype) {
  switch (dtype) {
    case DType::kFloat32: return HT_F32;
    case DType::kBool: return HT_BOOL;
    case DType::kInt8: return HT_I8;
    case DType::kUint8: return HT_U8;
    case DType::kInt16: return HT_I16;
    case DType::kUint16: return HT_U16;
    case DType::kInt32: return HT_I32;
    case DType::kInt64: return HT_I64;
    case DType::kFloat16:
    case DType::kFloat64:
    case DType::kInt4:
    case DType::kUint4: break;
  }
  return std::nullopt;
}

std::vector<uint8_t> element_bytes(DType dtype, double value) {
  Tensor tensor = Tensor::zeros(dtype, {});
  store(tensor, std::span<const double>(&value, 1));
  return {tensor.bytes().begin(), tensor.bytes().end()};
}

Result<TypedInput> typed_input(PrepareContext& context, size_t i, Layout layout) {
  const TensorType& type = context.input_value(i).type;
  if (type.is_quantized() || type.dtype == DType::kFloat32) return TypedInput{context.float_input(i, layout), HT_F32};
  const auto kernel = kernel_type(type.dtype);
  if (!kernel) return unsupported("elements of {} cannot be computed at run time", dtype_name(type.dtype));
  return TypedInput{context.raw_input(i, layout), *kernel};
}

Result<BufferId> typed_output(PrepareContext& context, Layout layout) {
  const TensorType& type = context.output_value().type;
  if (type.is_quantized() || type.dtype == DType::kFloat32) return context.float_output(layout);
  return context.output(layout);
}

Layout broadcast_layout(const PrepareContext& context, size_t i, Layout layout) {
  return context.input_value(i).type.shape.size() == context.output_value().type.shape.size() ? layout : Layout::kPlain;
}

Shape broadcast_strides(const Buffer& input, size_t rank) {
  const Shape own = layout_strides(input.shape, input.layout);
  Shape strides(rank, 0);
  const size_t missing = rank - input.shape.size();
  for (size_t axis = 0; axis < input.shape.size(); ++axis)
    if (input.shape[axis] != 1) strides[missing + axis] = own[axis];
  return strides;
}

AxisSplit split_at(const Shape& shape, Layout layout, size_t axis) {
  const auto order = memory_order(shape.size(), layout);
  AxisSplit split{1, static_cast<int32_t>(shape[axis]), 1};
  bool before = true;
  for (size_t memory_axis : order) {
    if (memory_axis == axis) {
      before = false;
    } else {
      (before ? split.outer : split.inner) *= static_cast<int32_t>(shape[memory_axis]);
    }
  }
  return split;
}

void add_axis_gathers(PrepareContext& context, const Move& move, Layout layout, const std::vector<std::vector<int32_t>>& indices) {
  const Buffer input = context.buffer(move.input);
  Shape shape = input.shape;
  std::vector<size_t> axes;
  for (size_t axis = 0; axis < indices.size(); ++axis)
    if (!indices[axis].empty()) axes.push_back(axis);
  BufferId source = move.input;
  for (size_t axis : axes) {
    const AxisSplit split = split_at(shape, layout, axis);
    shape[axis] = static_cast<int64_t>(indices[axis].size());
    const BufferId target = axis == axes.back() ? move.output : context.temporary(input.name, input.dtype, shape, layout);
    std::vector<std::shared_ptr<const void>> arrays;
    ht_gather_params params{};
    params.element_bytes = static_cast<int32_t>(dtype_size(input.dtype));
    params.outer = split.outer;
    params.axis = split.n;
    params.inner = split.inner;
    params.count = static_cast<int32_t>(indices[axis].size());
    params.indices = keep(arrays, indices[axis]);
    context.add(KernelId::k_gather, params, std::move(arrays), {source}, target);
    source = target;
  }
}

Affine slice_affine(const Affine& affine, const Shape& shape, size_t axis, int64_t start, int64_t step, int64_t count) {
  if (affine.axis() != axis) return affine;
  const auto scales = affine.scales_along(axis, shape[axis]);
  const auto zero_points = affine.zero_points_along(axis, shape[axis]);
  std::vector<float> some_scales;
  std::vector<int32_t> some_zero_points;
  for (int64_t i = 0; i < count; ++i) {
    some_scales.push_back(scales[static_cast<size_t>(start + i * step)]);
    some_zero_points.push_back(zero_points[static_cast<size_t>(start + i * step)]);
  }
  auto sliced = Affine::per_axis(std::move(some_scales), std::move(some_zero_points), axis, shape.size());
  return *std::move(sliced);  // a part of valid parameters is valid
}

ChannelParameters channel_parameters(const Affine& stored, int64_t channels) {
  const auto zero_points = stored.zero_points_along(1, channels);
  return {stored.scales_along(1, channels), {zero_points.begin(), zero_points.end()}};
}

std::optional<ActivationFunction> unary_function(const Unary& op) {
  static constexpr std::array kKinds = {
      std::pair{UnaryKind::kRelu, HT_RELU},         std::pair{UnaryKind::kLeakyRelu, HT_LEAKY_RELU},
      std::pair{UnaryKind::kClip, HT_CLIP},         std::pair{UnaryKind::kSigmoid, HT_SIGMOID},
      std::pair{UnaryKind::kHardSigmoid, HT_HARD_SIGMOID}, std::pair{UnaryKind::kSilu, HT_SILU},
      std::pair{UnaryKind::kHardSwish, HT_HARD_SWISH}, std::pair{UnaryKind::kTanh, HT_TANH},
      std::pair{UnaryKind::kGelu, HT_GELU},         std::pair{UnaryKind::kGeluTanh, HT_GELU_TANH},
      std::pair{UnaryKind::kErf, HT_ERF},           std::pair{UnaryKind::kElu, HT_ELU},
      std::pair{UnaryKind::kSelu, HT_SELU},         std::pair{UnaryKind::kCelu, HT_CELU},
      std::pair{UnaryKind::kSoftplus, HT_SOFTPLUS}, std::pair{UnaryKind::kSoftsign, HT_SOFTSIGN},
      std::pair{UnaryKind::kMish, HT_MISH},         std::pair{UnaryKind::kExp, HT_EXP},
      std::pair{UnaryKind::kLog, HT_LOG},           std::pair{UnaryKind::kSqrt, HT_SQRT},
      std::pair{UnaryKind::kNeg, HT_NEG},           std::pair{UnaryKind::kAbs, HT_ABS},
      std::pair{UnaryKind::kFloor, HT_FLOOR},       std::pair{UnaryKind::kCeil, HT_CEIL},
      std::pair{UnaryKind::kRound, HT_ROUND},       std::pair{UnaryKind::kReciprocal, HT_RECIPROCAL},
      std::pair{UnaryKind::kSign, HT_SIGN},         std::pair{UnaryKind::kSin, HT_SIN},
      std::pair{UnaryKind::kCos, HT_COS},
  };
  const auto found = std::ranges::find(kKinds, op.kind, [](const auto& row) { return row.first; });
  if (found == kKinds.end()) return std::nullopt;
  return ActivationFunction{found->second, op.alpha, op.beta};
}

Result<Window> make_window(const Shape& input, const Shape& output, const Ints& kernel, const Ints& strides, const Ints& dilations,
                           const Ints& pads) {
  const size_t spatial = input.size() - 2;
  if (spatial < 1 || spatial > 2)
    return unsupported("has windows over {} spatial axes, but only 1 or 2 can be computed; cut the model before it", spatial);
  auto at = [&](const Ints& values, size_t axis, int64_t missing) {
    if (axis == 0 && spatial == 1) return static_cast<int32_t>(missing);
    const size_t i = axis - (2 - spatial);
    return static_cast<int32_t>(i < values.size() ? values[i] : missing);
  };
  const Ints in(input.begin() + 2, input.end()), out(output.begin() + 2, output.end());
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(pads.size() / 2);
  const Ints begins(pads.begin(), middle), ends(middle, pads.end());
  return Window{at(in, 0, 1),      at(in, 1, 1),      at(out, 0, 1),       at(out, 1, 1),       at(kernel, 0, 1), at(kernel, 1, 1), at(strides, 0, 1),
                at(strides, 1, 1), at(dilations, 0, 1), at(dilations, 1, 1), at(begins, 0, 0), at(begins, 1, 0), at(ends, 0, 0),   at(ends, 1, 0)};
}

}  // namespace ht
