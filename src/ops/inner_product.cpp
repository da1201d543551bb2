// SPDX-License-Identifier: Apache-2.0
#include "ops/inner_product.h"

#include <algorithm>
#include <cmath>

namespace ht {
namespace {

// The scale of each output's sum, if the product of input and weight scales is the same for all of its taps.
std::optional<std::vector<float>> common_scales(const Affine& weights, const Shape& shape, const ChannelParameters& input,
                                                const TapChannels& channels, int64_t taps) {
  constexpr double kTolerance = 4e-6;  // two roundings to float apart
  std::vector<float> scales(static_cast<size_t>(shape[0]));
  for (int64_t o = 0; o < shape[0]; ++o) {
    auto product = [&](int64_t tap) {
      const float weight_scale = weights.scales()[weights.index_of(shape, o * taps + tap)];
      return input.scales[static_cast<size_t>(channels.channel_of(o, tap))] * weight_scale;
    };
    const float first = product(0);
    for (int64_t tap = channels.spatial_taps; tap < taps; tap += channels.spatial_taps)
      if (std::abs(static_cast<double>(product(tap)) - first) > kTolerance * first) return std::nullopt;
    if (!std::isnormal(first)) return std::nullopt;
    scales[static_cast<size_t>(o)] = first;
  }
  return scales;
}

// The bias in units of the sums: its own integers where it has those units, else its real numbers rounded, and what that took.
struct BiasUnits {
  std::vector<double> units;
  std::vector<float> rest;
};

std::optional<BiasUnits> bias_units(const Value* bias, const std::vector<float>& sum_scale) {
  BiasUnits result{std::vector<double>(sum_scale.size(), 0.0), std::vector<float>(sum_scale.size(), 0.0f)};
  if (!bias) return result;
  if (!bias->constant || bias->constant->size() != static_cast<int64_t>(sum_scale.size())) return std::nullopt;
  const std::vector<double> stored = bias->constant->to_doubles();
  for (size_t o = 0; o < sum_scale.size(); ++o) {
    double exact = stored[o] / sum_scale[o];
    if (bias->type.affine) {
      const Affine& affine = *bias->type.affine;
      const size_t at = affine.index_of(bias->type.shape, static_cast<int64_t>(o));
      const double integer = stored[o] - affine.zero_points()[at];
      const double ratio = static_cast<double>(affine.scales()[at]) / sum_scale[o];
      exact = std::abs(ratio - 1) < 1e-5 ? integer : integer * ratio;
    }
    result.units[o] = std::nearbyint(exact);
    result.rest[o] = static_cast<float>((exact - result.units[o]) * sum_scale[o]);
  }
  return result;
}

// The weights less their zero points, nine bits at most.
std::optional<std::vector<int16_t>> centred_weights(const Tensor& weights, const Affine& affine) {
  if (!is_integer(weights.dtype()) || dtype_size(weights.dtype()) != 1) return std::nullopt;
  const std::vector<int64_t> integers = weights.to_int64s();
  std::vector<int16_t> centred(integers.size());
  for (size_t i = 0; i < integers.size(); ++i) {
    const size_t at = affine.is_per_tensor() ? 0 : affine.index_of(weights.shape(), static_cast<int64_t>(i));
    centred[i] = static_cast<int16_t>(integers[i] - affine.zero_points()[at]);
  }
  return centred;
}

}  // namespace

std::optional<InnerProduct> integer_product(const Tensor& weights, const Affine& weight_affine, const ChannelParameters& input,
                                            const TapChannels& channels, const Value* bias) {
  auto centred = centred_weights(weights, weight_affine);
  if (!centred) return std::nullopt;
  InnerProduct product;
  product.outputs = weights.shape()[0];
  product.taps = product.outputs == 0 ? 0 : weights.size() / product.outputs;
  if (product.taps == 0) return std::nullopt;
  const auto scales = common_scales(weight_affine, weights.shape(), input, channels, product.taps);
  if (!scales) return std::nullopt;
  auto rounded = bias_units(bias, *scales);
  if (!rounded) return std::nullopt;
  product.padding = input.zero_points;
  for (int64_t o = 0; o < product.outputs; ++o) {
    int64_t folded = 0, magnitude = 0;
    for (int64_t tap = 0; tap < product.taps; ++tap) {
      const int64_t weight = (*centred)[static_cast<size_t>(o * product.taps + tap)];
      folded += weight * input.zero_points[static_cast<size_t>(channels.channel_of(o, tap))];
      magnitude += std::abs(weight) * 128;
    }
    const double total = rounded->units[static_cast<size_t>(o)] - static_cast<double>(folded);
    if (!(std::abs(total) + static_cast<double>(magnitude) <= INT32_MAX)) return std::nullopt;
    product.bias.push_back(static_cast<int32_t>(total));
  }
  product.sum_scale = *scales;
  if (std::ranges::any_of(rounded->rest, [](float rest) { return rest != 0; })) product.rest = std::move(rounded->rest);
  if (std::ranges::all_of(*centred, [](int16_t weight) { return weight >= INT8_MIN && weight <= INT8_MAX; }))
    product.weights.assign(centred->begin(), centred->end());
  else
    product.wide = *std::move(centred);
  return product;
}

namespace {

Int8Output int8_output_of(const ChannelParameters& output, const Unary* clamp) {
  const size_t channels = output.scales.size();
  Int8Output result{output.zero_points, std::vector<int8_t>(channels, -128), std::vector<int8_t>(channels, 127)};
  if (!clamp) return result;
  const float low = clamp->kind == UnaryKind::kRelu ? 0.0f : clamp->alpha;
  const float high = clamp->kind == UnaryKind::kRelu ? INFINITY : clamp->beta;
  for (size_t c = 0; c < channels; ++c) {
    auto quantized = [&](float x) {
      const double q = std::nearbyint(static_cast<double>(x / output.scales[c])) + output.zero_points[c];
      return static_cast<int8_t>(std::clamp(q, -128.0, 127.0));
    };
    result.minimum[c] = quantized(low);
    result.maximum[c] = quantized(high);
  }
  return result;
}

// Whether the clamp changes nothing that is not beyond the integers anyway.
bool is_needless(const Int8Output& limits) {
  return std::ranges::all_of(limits.minimum, [](int8_t low) { return low == INT8_MIN; }) &&
         std::ranges::all_of(limits.maximum, [](int8_t high) { return high == INT8_MAX; });
}

// The parameters of the sums' channels.
ChannelParameters parameters_of(const TensorType& type, Layout layout, int64_t channels) {
  const Affine stored = stored_affine(type);
  const size_t axis = layout == Layout::kChannelsLast ? 1 : type.shape.size() - 1;
  const auto zero_points = stored.zero_points_along(axis, channels);
  return {stored.scales_along(axis, channels), {zero_points.begin(), zero_points.end()}};
}

// float, and then `rest` in float too.
Result<ProductOutput> float_product(PrepareContext& context, const std::vector<float>& sum_scale, std::vector<float> rest, Layout layout) {
  HT_ASSIGN(const BufferId buffer, context.float_output(layout));
  HT_ASSIGN(EpilogueData epilogue, float_epilogue(static_cast<int32_t>(sum_scale.size()), {sum_scale.begin(), sum_scale.end()}));
  if (rest.empty() || context.states_policy()) return ProductOutput{std::move(epilogue), buffer, {}, {}};
  const Buffer made = context.buffer(buffer);
  const BufferId sums = context.temporary(made.name, DType::kFloat32, made.shape, layout);
  return ProductOutput{std::move(epilogue), sums, buffer, std::move(rest)};
}

}  // namespace

Result<ProductOutput> product_output(PrepareContext& context, const std::vector<float>& sum_scale, std::vector<float> rest, Layout layout) {
  const auto channels = static_cast<int32_t>(sum_scale.size());
  // Parameters that vary do so along the axis of the sums.
  const auto is_stored = [&](const TensorType& type) {
    return is_8bit(type) &&
           (type.affine->is_per_tensor() || type.affine->axis() == (layout == Layout::kChannelsLast ? 1 : type.shape.size() - 1));
  };
  const Unary* activation = nullptr;
  const auto clamps = [](const Unary& unary) { return unary.kind == UnaryKind::kRelu || unary.kind == UnaryKind::kClip; };
  const auto limits_of = [&](const TensorType& type, const Unary* clamp) {
    return int8_output_of(parameters_of(type, layout, channels), clamp);
  };
  // Where the file does not say how to round, the integers must be those that the float computation gives.
  const auto is_free = [&](const Unary& unary, const TensorType& type) {
    return context.states_policy() || (clamps(unary) && (rest.empty() || is_needless(limits_of(type, &unary))));
  };
  if (!context.output_value().type.is_quantized()) {
    const NodeId reader = context.only_reader();
    if (reader.valid()) {
      const Node& node = context.graph().node(reader);
      const auto* unary = std::get_if<Unary>(&node.op);
      const auto function = unary ? unary_function(*unary) : std::nullopt;
      const TensorType& made = context.graph().value(node.outputs[0]).type;
      if (function && is_stored(made) && (clamps(*unary) || has_activation_form(function->kind)) && is_free(*unary, made)) {
        activation = unary;
        context.absorb(reader);
      }
    }
  }
  const TensorType& type = context.output_value().type;
  if (!is_stored(type)) return float_product(context, sum_scale, std::move(rest), layout);
  const ChannelParameters output = parameters_of(type, layout, channels);
  const bool is_clamp = activation && clamps(*activation);
  const Int8Output limits = limits_of(type, is_clamp ? activation : nullptr);
  const BufferId buffer = context.output(layout);
  if (activation && !is_clamp) {
    const ActivationFunction function = *unary_function(*activation);
    HT_ASSIGN(EpilogueData epilogue, activated_epilogue(context.policy(), channels, function, {sum_scale.begin(), sum_scale.end()},
                                                        {output.scales.begin(), output.scales.end()}, limits));
    return ProductOutput{std::move(epilogue), buffer, {}, {}};
  }
  std::vector<double> ratios;
  for (size_t c = 0; c < sum_scale.size(); ++c) ratios.push_back(sum_scale[c] / output.scales[c]);
  HT_ASSIGN(EpilogueData epilogue, int8_epilogue(context.policy(), channels, ratios, limits));
  return ProductOutput{std::move(epilogue), buffer, {}, {}};
}

void finish_product(PrepareContext& context, const ProductOutput& output) {
  if (!output.finished.valid()) return;
  const auto channels = static_cast<int32_t>(output.rest.size());
  const auto rows = static_cast<int32_t>(element_count(context.buffer(output.buffer).shape) / std::max(1, channels));
  const BufferId rest = context.constant_buffer(Tensor::of_floats({channels}, output.rest));
  ht_broadcast shape{};
  shape.rank = 2;
  shape.shape[0] = rows;
  shape.shape[1] = channels;
  shape.a_stride[0] = shape.output_stride[0] = channels;
  shape.a_stride[1] = shape.b_stride[1] = shape.output_stride[1] = 1;
  context.add(KernelId::k_binary_f32, ht_binary_f32_params{HT_ADD, shape}, {}, {output.buffer, rest}, output.finished);
}

}  // namespace ht
