// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "ir/dequantize.h"
#include "ops/inner_product.h"
#include "ops/prepare.h"

namespace ht {
namespace {

struct Geometry {
  Window window;
  int32_t batch, input_channels, output_channels, groups;
  int64_t macs;

  bool is_depthwise() const { return groups == input_channels && groups > 1; }
  int32_t channels_per_group() const { return input_channels / groups; }
  int64_t spatial_taps() const { return int64_t{window.kernel_height} * window.kernel_width; }
};

Result<Geometry> geometry(const Conv& op, const PrepareContext& context) {
  const Shape& input = context.input_value(0).type.shape;
  const Shape& weights = context.input_value(1).type.shape;
  const Shape& output = context.output_value().type.shape;
  HT_ASSIGN(const Window window, make_window(input, output, Ints(weights.begin() + 2, weights.end()), op.strides, op.dilations, op.pads));
  Geometry g{window,
             static_cast<int32_t>(input[0]),
             static_cast<int32_t>(input[1]),
             static_cast<int32_t>(weights[0]),
             static_cast<int32_t>(op.groups),
             0};
  g.macs = element_count(output) * weights[1] * g.spatial_taps();
  return g;
}

// From ONNX's [outputs][channels][taps] to the kernels' [outputs][taps][channels], or depthwise [taps][outputs].
template <class T>
std::vector<T> kernel_order(std::span<const T> weights, const Geometry& g, bool depthwise) {
  const auto taps = static_cast<size_t>(g.spatial_taps()), channels = static_cast<size_t>(g.channels_per_group());
  const auto outputs = static_cast<size_t>(g.output_channels);
  if (!depthwise && (taps == 1 || channels == 1)) return {weights.begin(), weights.end()};
  std::vector<T> ordered(weights.size());
  if (weights.empty()) return ordered;
  for (size_t o = 0; o < outputs; ++o)
    for (size_t c = 0; c < channels; ++c)
      for (size_t t = 0; t < taps; ++t)
        ordered[depthwise ? t * outputs + o : (o * taps + t) * channels + c] = weights[(o * channels + c) * taps + t];
  return ordered;
}

template <class Params>
void set_common(Params& params, const Geometry& g) {
  set_window(params, g.window);
  params.batch = g.batch;
  params.input_channels = params.input_stride = g.input_channels;
  params.output_stride = g.output_channels;
}

Status prepare_float(const Geometry& g, PrepareContext& context) {
  if (!context.graph().is_constant(context.node().inputs[1]))
    return unsupported("the convolution's weights are computed at run time; only constant ones are supported");
  if (context.has_input(2) && !context.graph().is_constant(context.node().inputs[2]))
    return unsupported("the convolution's bias is computed at run time; only a constant one is supported");
  std::vector<std::shared_ptr<const void>> arrays;
  const Value& weights = context.input_value(1);
  const Tensor real = dequantize(*weights.constant, weights.type.affine);
  const float* ordered = keep(arrays, kernel_order(real.data<float>(), g, g.is_depthwise()));
  const float* bias = nullptr;
  if (context.has_input(2)) {
    const Value& value = context.input_value(2);
    bias = keep(arrays, dequantize(*value.constant, value.type.affine).to_floats());
  }
  const BufferId input = context.float_input(0, Layout::kChannelsLast);
  HT_ASSIGN(const BufferId output, context.float_output(Layout::kChannelsLast));
  auto fill = [&](auto params) {
    set_common(params, g);
    params.weights = ordered;
    params.bias = bias;
    params.minimum = -std::numeric_limits<float>::infinity();
    params.maximum = std::numeric_limits<float>::infinity();
    return params;
  };
  if (g.is_depthwise()) {
    auto params = fill(ht_depthwise_f32_params{});
    params.channel_multiplier = g.output_channels / g.input_channels;
    context.add(KernelId::k_depthwise_f32, params, std::move(arrays), {input}, output, g.macs);
  } else {
    auto params = fill(ht_conv_f32_params{});
    params.output_channels = g.output_channels;
    params.groups = g.groups;
    context.add(KernelId::k_conv_f32, params, std::move(arrays), {input}, output, g.macs);
  }
  return {};
}

Status prepare_integer(const Geometry& g, InnerProduct product, PrepareContext& context) {
  const BufferId input = context.integer_input(0, Layout::kChannelsLast);
  HT_ASSIGN(ProductOutput output, product_output(context, product, Layout::kChannelsLast));
  const bool depthwise = g.is_depthwise() && product.wide.empty();
  product.weights = kernel_order(std::span<const int8_t>(product.weights), g, depthwise);
  product.multiples = kernel_order(std::span<const uint8_t>(product.multiples), g, depthwise);
  product.wide = kernel_order(std::span<const int16_t>(product.wide), g, false);
  if (depthwise) {
    ht_depthwise_params params{};
    set_common(params, g);
    params.channel_multiplier = g.output_channels / g.input_channels;
    add_product(context, params, std::move(product), std::move(output), input, g.macs);
  } else {
    ht_conv_params params{};
    set_common(params, g);
    params.output_channels = g.output_channels;
    params.groups = g.groups;
    add_product(context, params, std::move(product), std::move(output), input, g.macs);
  }
  return {};
}

}  // namespace

Status prepare(const Conv& op, PrepareContext& context) {
  HT_ASSIGN(const Geometry g, geometry(op, context));
  const Value& input = context.input_value(0);
  const Value& weights = context.input_value(1);
  if (is_stored(input.type) && weights.constant && weights.type.affine) {
    const TapChannels channels{g.input_channels, g.channels_per_group(), g.output_channels / g.groups, g.spatial_taps()};
    auto product = integer_product(*weights.constant, *weights.type.affine, input.type, 1, channels,
                                   context.has_input(2) ? &context.input_value(2) : nullptr);
    if (product) return prepare_integer(g, *std::move(product), context);
  }
  return prepare_float(g, context);
}

}  // namespace ht
