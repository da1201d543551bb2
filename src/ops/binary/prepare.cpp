// SPDX-License-Identifier: Apache-2.0
#include "kernels/tables.h"
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {
namespace {

int32_t kernel_kind(BinaryKind kind) {
  switch (kind) {
    case BinaryKind::kAdd: return HT_ADD;
    case BinaryKind::kSub: return HT_SUB;
    case BinaryKind::kMul: return HT_MUL;
    case BinaryKind::kDiv: return HT_DIV;
    case BinaryKind::kPow: return HT_POW;
    case BinaryKind::kMin: return HT_MIN;
    case BinaryKind::kMax: return HT_MAX;
    case BinaryKind::kPRelu: return HT_PRELU;
    case BinaryKind::kMod: return HT_MOD;
    case BinaryKind::kFmod: return HT_FMOD;
    case BinaryKind::kEqual: return HT_EQUAL;
    case BinaryKind::kLess: return HT_LESS;
    case BinaryKind::kLessOrEqual: return HT_LESS_EQUAL;
    case BinaryKind::kGreater: return HT_GREATER;
    case BinaryKind::kGreaterOrEqual: return HT_GREATER_EQUAL;
    case BinaryKind::kAnd: return HT_AND;
    case BinaryKind::kOr: return HT_OR;
    case BinaryKind::kXor: return HT_XOR;
  }
  return HT_ADD;
}

// Axes that lie together in all three tensors become one, but rows stay short enough to be shared among threads, and the
// innermost axis stays alone where parameters vary along it.
ht_broadcast make_broadcast(const Buffer& a, const Buffer& b, const Buffer& output, bool keep_innermost) {
  constexpr int64_t kLongestRow = 1 << 14;
  const size_t rank = output.shape.size();
  const Shape a_strides = broadcast_strides(a, rank), b_strides = broadcast_strides(b, rank);
  const Shape strides = layout_strides(output.shape, output.layout);
  struct Axis {
    int64_t size, a, b, output;
  };
  std::vector<Axis> axes;  // the innermost first
  const auto order = memory_order(rank, output.layout);
  for (size_t p = order.size(); p-- > 0;) {
    const Axis axis{output.shape[order[p]], a_strides[order[p]], b_strides[order[p]], strides[order[p]]};
    const bool may_merge = !axes.empty() && !(keep_innermost && axes.size() == 1);
    if (axis.size == 1 && !axes.empty()) continue;
    if (may_merge) {
      Axis& last = axes.back();
      const bool together = axis.a == last.a * last.size && axis.b == last.b * last.size && axis.output == last.output * last.size;
      if (together && (axes.size() > 1 || axis.size * last.size <= kLongestRow)) {
        last.size *= axis.size;
        continue;
      }
    }
    axes.push_back(axis);
  }
  if (axes.empty()) axes.push_back({1, 0, 0, 1});
  axes.front().output = 1;
  ht_broadcast shape{};
  shape.rank = static_cast<int32_t>(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    const Axis& axis = axes[axes.size() - 1 - i];
    shape.shape[i] = static_cast<int32_t>(axis.size);
    shape.a_stride[i] = static_cast<int32_t>(axis.a);
    shape.b_stride[i] = static_cast<int32_t>(axis.b);
    shape.output_stride[i] = static_cast<int32_t>(axis.output);
  }
  return shape;
}

// Whether it is of 8 bits, with scales that vary along the output's channels if at all.
bool is_integer_operand(const TensorType& type, const TensorType& output) {
  const size_t missing = output.shape.size() - type.shape.size();
  return is_8bit(type) && (missing > 1 ? type.affine->is_per_tensor() : has_scales_along(type, 1 - missing));
}

// Parameters of an operand along the output's channels.
ChannelParameters along_channels(const TensorType& type, size_t rank, int64_t channels) {
  const Affine stored = stored_affine(type);
  const size_t missing = rank - type.shape.size();
  if (stored.is_per_tensor() || missing > 1) return channel_parameters(*Affine::per_tensor(stored.scales()[0], stored.zero_points()[0]), channels);
  const auto zero_points = stored.zero_points_along(1 - missing, channels);
  return {stored.scales_along(1 - missing, channels), {zero_points.begin(), zero_points.end()}};
}

Status prepare_integer(int32_t kind, PrepareContext& context) {
  const TensorType& a = context.input_value(0).type;
  const TensorType& b = context.input_value(1).type;
  const TensorType& out = context.output_value().type;
  const size_t rank = out.shape.size();
  const bool by_channel = !(a.affine->is_per_tensor() && b.affine->is_per_tensor() && out.affine->is_per_tensor());
  const Layout layout = by_channel ? Layout::kChannelsLast : context.preferred_layout();
  const int64_t channels = by_channel ? out.shape[1] : 1;
  const BufferId left = context.integer_input(0, broadcast_layout(context, 0, layout));
  const BufferId right = context.integer_input(1, broadcast_layout(context, 1, layout));
  const BufferId output = context.output(layout);
  const ChannelParameters pa = along_channels(a, rank, channels), pb = along_channels(b, rank, channels), po = along_channels(out, rank, channels);
  std::vector<float> a_ratio, b_ratio;
  std::vector<int32_t> a_fixed, b_fixed, shift;
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    a_ratio.push_back(kind == HT_MUL ? pa.scales[c] * pb.scales[c] / po.scales[c] : pa.scales[c] / po.scales[c]);
    b_ratio.push_back(pb.scales[c] / po.scales[c]);
    if (context.policy() == Policy::kFloatHalfEven) continue;
    HT_ASSIGN(const BinaryMultipliers multipliers, binary_multipliers(kind, a_ratio.back(), b_ratio.back()));
    a_fixed.push_back(multipliers.a_fixed);
    b_fixed.push_back(multipliers.b_fixed);
    shift.push_back(multipliers.shift);
  }
  std::vector<std::shared_ptr<const void>> arrays;
  ht_binary_params params{};
  params.kind = kind;
  params.policy = static_cast<int32_t>(context.policy());
  params.shape = make_broadcast(context.buffer(left), context.buffer(right), context.buffer(output), by_channel);
  params.channel_step = by_channel ? 1 : 0;
  params.a_ratio = keep(arrays, std::move(a_ratio));
  params.b_ratio = keep(arrays, std::move(b_ratio));
  params.a_fixed = keep(arrays, std::move(a_fixed));
  params.b_fixed = keep(arrays, std::move(b_fixed));
  params.shift = keep(arrays, std::move(shift));
  params.a_zero_point = keep(arrays, pa.zero_points);
  params.b_zero_point = keep(arrays, pb.zero_points);
  params.output_zero_point = keep(arrays, po.zero_points);
  context.add(KernelId::k_binary, params, std::move(arrays), {left, right}, output);
  return {};
}

}  // namespace

Status prepare(const Binary& op, PrepareContext& context) {
  const int32_t kind = kernel_kind(op.kind);
  const TensorType& a = context.input_value(0).type;
  const TensorType& b = context.input_value(1).type;
  const TensorType& made = context.output_value().type;
  const bool has_integers = kind == HT_ADD || kind == HT_SUB || kind == HT_MUL;
  if (has_integers && is_integer_operand(a, made) && is_integer_operand(b, made) && is_integer_operand(made, made)) return prepare_integer(kind, context);
  const Layout layout = context.preferred_layout();
  HT_ASSIGN(const TypedInput left, typed_input(context, 0, broadcast_layout(context, 0, layout)));
  HT_ASSIGN(const TypedInput right, typed_input(context, 1, broadcast_layout(context, 1, layout)));
  if (left.type != right.type)
    return unsupported("{} of {} and {} cannot be computed at run time; cast one of them", op_name(Op(op)), dtype_name(a.dtype),
                       dtype_name(b.dtype));
  HT_ASSIGN(const BufferId output, typed_output(context, layout));
  const ht_broadcast shape = make_broadcast(context.buffer(left.buffer), context.buffer(right.buffer), context.buffer(output), false);
  const std::vector<BufferId> inputs{left.buffer, right.buffer};
  if (left.type != HT_F32) {
    context.add(KernelId::k_binary_int, ht_binary_int_params{kind, left.type, shape}, {}, inputs, output);
  } else if (kind >= HT_EQUAL && kind <= HT_GREATER_EQUAL) {
    context.add(KernelId::k_compare_f32, ht_compare_f32_params{kind, shape}, {}, inputs, output);
  } else {
    context.add(KernelId::k_binary_f32, ht_binary_f32_params{kind, shape}, {}, inputs, output);
  }
  return {};
}

}  // namespace ht
