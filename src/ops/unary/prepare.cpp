// SPDX-License-Identifier: Apache-2.0
#include "kernels/tables.h"
#include "ops/prepare.h"
#include "ops/steps.h"
#include "ops/unary/unary.h"

namespace ht {
namespace {

Status prepare_table(const Unary& op, PrepareContext& context) {
  const Affine input = stored_affine(context.input_value(0).type), output = stored_affine(context.output_value().type);
  const bool by_channel = !input.is_per_tensor() || !output.is_per_tensor();
  const Layout layout = by_channel ? Layout::kChannelsLast : context.preferred_layout();
  const Shape shape = memory_shape(context.output_value().type.shape, layout);
  const int64_t last = shape.empty() ? 1 : shape.back();
  const int64_t tables = by_channel ? last : 1;
  const ChannelParameters from = channel_parameters(input, tables), to = channel_parameters(output, tables);
  std::vector<int8_t> table;
  for (size_t c = 0; c < static_cast<size_t>(tables); ++c) {
    const auto part = int8_table([&](double x) { return evaluate(op, x); }, from.scales[c], from.zero_points[c], to.scales[c],
                                 to.zero_points[c]);
    table.insert(table.end(), part.begin(), part.end());
  }
  std::vector<std::shared_ptr<const void>> arrays;
  ht_table_params params{};
  params.rows = static_cast<int32_t>(last == 0 ? 0 : element_count(shape) / last);
  params.channels = params.input_stride = params.output_stride = static_cast<int32_t>(last);
  params.table_step = by_channel ? 256 : 0;
  params.table = keep(arrays, std::move(table));
  const BufferId source = context.integer_input(0, layout);
  context.add(KernelId::k_table, params, std::move(arrays), {source}, context.output(layout));
  return {};
}

// A bound of Clip for integers: bounds are floats, and those between two integers act as the nearer one to 0.
int64_t integer_bound(float bound) {
  if (!(bound > -0x1p63f)) return INT64_MIN;  // not-a-number too
  return bound >= 0x1p63f ? INT64_MAX : static_cast<int64_t>(bound);
}

Status prepare_integers(const Unary& op, PrepareContext& context) {
  const Layout layout = context.preferred_layout();
  HT_ASSIGN(const TypedInput input, typed_input(context, 0, layout));
  ht_unary_int_params params{HT_INT_CLIP, input.type, static_cast<int32_t>(element_count(context.output_value().type.shape)), 0, INT64_MAX};
  if (op.kind == UnaryKind::kClip) {
    params.low = integer_bound(op.alpha);
    params.high = integer_bound(op.beta);
  } else if (op.kind != UnaryKind::kRelu) {
    params.kind = op.kind == UnaryKind::kNeg   ? HT_INT_NEG
                  : op.kind == UnaryKind::kAbs ? HT_INT_ABS
                  : op.kind == UnaryKind::kNot ? HT_INT_NOT
                                               : HT_INT_SIGN;
  }
  context.add(KernelId::k_unary_int, params, {}, {input.buffer}, context.output(layout));
  return {};
}

}  // namespace

Status prepare(const Unary& op, PrepareContext& context) {
  const TensorType& type = context.input_value(0).type;
  // Inference lets other types only where the function is defined on integers.
  if (!type.is_quantized() && type.dtype != DType::kFloat32) return prepare_integers(op, context);
  if (is_8bit_node(context)) return prepare_table(op, context);
  const auto function = unary_function(op);
  if (!function) return unsupported("{} of {} cannot be computed at run time", op_name(Op(op)), dtype_name(type.dtype));
  const Layout layout = context.preferred_layout();
  const BufferId input = context.float_input(0, layout);
  HT_ASSIGN(const BufferId output, context.float_output(layout));
  ht_unary_f32_params params{};
  params.kind = function->kind;
  params.alpha = function->alpha;
  params.beta = function->beta;
  params.count = static_cast<int32_t>(element_count(context.output_value().type.shape));
  context.add(KernelId::k_unary_f32, params, {}, {input}, output);
  return {};
}

}  // namespace ht
