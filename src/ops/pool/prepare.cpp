// SPDX-License-Identifier: Apache-2.0
#include "ops/prepare.h"
#include "ops/steps.h"

namespace ht {
namespace {

template <class Params>
Params pool_params(const Pool& op, const Window& w, const Shape& input) {
  Params params{};
  set_window(params, w);
  params.kind = op.kind == PoolKind::kMax ? HT_POOL_MAX : HT_POOL_AVERAGE;
  params.batch = static_cast<int32_t>(input[0]);
  params.channels = params.input_stride = params.output_stride = static_cast<int32_t>(input[1]);
  params.pad_bottom = w.pad_bottom;
  params.pad_right = w.pad_right;
  params.count_padding = op.count_include_pad ? 1 : 0;
  return params;
}

// Maxima of integers that floats hold exactly are those of the floats.
Status prepare_integers(const Pool& op, const Window& window, PrepareContext& context) {
  constexpr Layout kLayout = Layout::kChannelsLast;
  const Value value = context.input_value(0);
  const Shape made_shape = context.output_value().type.shape;
  if (dtype_size(value.type.dtype) > 2)
    return unsupported("a maximum over windows of {} cannot be computed at run time; cast it to float", dtype_name(value.type.dtype));
  HT_ASSIGN(const TypedInput input, typed_input(context, 0, kLayout));
  const BufferId real = context.temporary(value.name, DType::kFloat32, value.type.shape, kLayout);
  const BufferId pooled = context.temporary(context.output_value().name, DType::kFloat32, made_shape, kLayout);
  const BufferId output = context.output(kLayout);
  context.add(KernelId::k_cast, ht_cast_params{input.type, HT_F32, static_cast<int32_t>(element_count(value.type.shape))}, {}, {input.buffer}, real);
  context.add(KernelId::k_pool_f32, pool_params<ht_pool_f32_params>(op, window, value.type.shape), {}, {real}, pooled);
  context.add(KernelId::k_cast, ht_cast_params{HT_F32, input.type, static_cast<int32_t>(element_count(made_shape))}, {}, {pooled}, output);
  return {};
}

// The mean of integers is defined for these policies (NUMERICS.md); others compute it in float.
bool has_integer_mean(Policy policy) {
  return policy == Policy::kFloatHalfEven || policy == Policy::kFixedSingle || policy == Policy::kFixedDouble;
}

}  // namespace

Status prepare(const Pool& op, PrepareContext& context) {
  const Shape input_shape = context.input_value(0).type.shape;
  const TensorType& type = context.output_value().type;
  const size_t spatial = input_shape.size() - 2;
  const Ints ones(spatial, 1), zeros(2 * spatial, 0);
  const Ints plane(input_shape.begin() + 2, input_shape.end());
  HT_ASSIGN(const Window window, op.global ? make_window(input_shape, type.shape, plane, ones, ones, zeros)
                                           : make_window(input_shape, type.shape, op.kernel, op.strides, op.dilations, op.pads));
  constexpr Layout kLayout = Layout::kChannelsLast;
  if (!context.input_value(0).type.is_quantized() && context.input_value(0).type.dtype != DType::kFloat32)
    return prepare_integers(op, window, context);
  if (!is_8bit_node(context) || (op.kind == PoolKind::kAverage && !has_integer_mean(context.policy()))) {
    const BufferId input = context.float_input(0, kLayout);
    HT_ASSIGN(const BufferId output, context.float_output(kLayout));
    context.add(KernelId::k_pool_f32, pool_params<ht_pool_f32_params>(op, window, input_shape), {}, {input}, output);
    return {};
  }
  auto params = pool_params<ht_pool_params>(op, window, input_shape);
  std::vector<std::shared_ptr<const void>> arrays;
  const Affine stored = *input_affine(context);
  const BufferId input = context.integer_input(0, kLayout);
  if (op.kind == PoolKind::kMax) {
    context.add(KernelId::k_pool, params, std::move(arrays), {input}, context.integer_output(kLayout, stored));
    return {};
  }
  const bool by_channel = context.policy() == Policy::kFloatHalfEven || !(stored.is_per_tensor() && stored_affine(type).is_per_tensor());
  const int64_t channels = by_channel ? input_shape[1] : 1;
  params.channel_step = by_channel ? 1 : 0;
  const ChannelParameters from = channel_parameters(stored, channels), to = channel_parameters(stored_affine(type), channels);
  std::vector<double> ratios;
  for (size_t c = 0; c < from.scales.size(); ++c) ratios.push_back(from.scales[c] / to.scales[c]);
  const Int8Output limits{to.zero_points, {-128}, {127}};
  HT_ASSIGN(EpilogueData epilogue, int8_epilogue(context.policy(), static_cast<int32_t>(channels), ratios, limits));
  params.epilogue = keep(arrays, std::move(epilogue));
  params.input_zero_point = keep(arrays, from.zero_points);
  context.add(KernelId::k_pool, params, std::move(arrays), {input}, context.output(kLayout));
  return {};
}

}  // namespace ht
