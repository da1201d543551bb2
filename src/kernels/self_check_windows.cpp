// SPDX-License-Identifier: Apache-2.0
// Kernels that add up windows, rows or depths of integers or floats.
#include <cmath>

#include "kernels/epilogue.h"
#include "kernels/self_check_pieces.h"

namespace ht::self_check {
namespace {

EpilogueData some_epilogue(Random& random, int32_t channels, int32_t depth) {
  static constexpr Policy kPolicies[] = {Policy::kFloatHalfEven, Policy::kFixedSingle, Policy::kFixedDouble};
  const Policy policy = kPolicies[random.between(0, 2)];
  std::vector<double> in, out, ratio;
  for (int32_t c = 0; c < channels; ++c) {
    in.push_back(random.real(0.1, 2) * 0.001 / std::sqrt(depth));
    out.push_back(random.real(0.01, 0.1));
    ratio.push_back(in.back() / out.back());
  }
  const auto minimum = static_cast<int8_t>(random.between(0, 1) ? -128 : random.between(-127, -100));
  const Int8Output output{random.bytes(channels), {minimum}, {127}};
  const int32_t form = random.between(0, 2);
  auto data = form == 0   ? activated_epilogue(policy, channels, {random.between(0, 1) ? HT_SILU : HT_SIGMOID}, in, out, output)
              : form == 1 ? float_epilogue(channels, in)
                          : int8_epilogue(policy, channels, ratio, output);
  // Within the ranges above every ratio has its integers.
  return data ? *std::move(data) : EpilogueData{};
}

int64_t element_bytes(const EpilogueData& data) { return data.output == HT_OUTPUT_F32 ? 4 : 1; }

// What convolutions have in common; groups or multipliers are the caller's.
template <class Params>
void choose_window(Random& random, Params& p, int32_t channels, int32_t outputs) {
  p.batch = 1;
  p.input_height = random.between(1, 7);
  p.input_width = random.between(1, 18);
  p.input_stride = channels;
  p.output_stride = outputs;
  p.kernel_height = p.kernel_width = random.between(0, 1) * 2 + 1;
  p.stride_height = p.stride_width = random.between(1, 2);
  p.dilation_height = p.dilation_width = 1;
  p.pad_top = p.pad_left = p.kernel_height / 2;
  p.output_height = (p.input_height - 1) / p.stride_height + 1;
  p.output_width = (p.input_width - 1) / p.stride_width + 1;
}
template <class Params>
int64_t input_size(const Params& p) {
  return int64_t{p.input_height} * p.input_width * p.input_stride;
}
template <class Params>
int64_t output_size(const Params& p) {
  return int64_t{p.output_height} * p.output_width * p.output_stride;
}

template <class Params>
Params some_pool(Random& random) {
  Params p{};
  const int32_t channels = random.between(1, 90);
  choose_window(random, p, channels, channels);
  p.channels = channels;
  p.kind = random.between(0, 1);
  p.count_padding = random.between(0, 1);
  return p;
}

// A convolution of some shape, all but its weights; the arrays live as long as this object.
struct SomeConv {
  ht_conv_params params{};
  int32_t depth = 0;
  std::vector<int8_t> padding;
  std::vector<int32_t> bias;
  EpilogueData data;

  SomeConv(Random& random, int32_t most_inputs, int32_t most_outputs) {
    ht_conv_params& p = params;
    p.groups = random.between(1, 2);
    const int32_t in = random.between(1, most_inputs), out = random.between(1, most_outputs);
    choose_window(random, p, in * p.groups, out * p.groups);
    p.input_channels = in * p.groups;
    p.output_channels = out * p.groups;
    depth = in * p.kernel_height * p.kernel_width;
    padding = random.bytes(p.input_channels);
    bias = random.integers(p.output_channels, -200000, 200000);
    data = some_epilogue(random, p.output_channels, depth);
    p.padding = padding.data();
    p.bias = bias.data();
    p.epilogue = data.view();
  }
  int64_t weights() const { return int64_t{depth} * params.output_channels; }
  int64_t output_bytes() const { return output_size(params) * element_bytes(data); }
};

// The epilogue of sums of int16 inputs.
struct SomeS16 {
  EpilogueData data;
  std::vector<int64_t> bias;
  std::vector<int16_t> padding, zero_point, minimum, maximum;

  SomeS16(Random& random, int32_t inputs, int32_t outputs, int32_t depth) {
    std::vector<double> ratio;
    for (int32_t c = 0; c < outputs; ++c) ratio.push_back(random.real(0.1, 2) / (64 * std::sqrt(depth)));
    static constexpr Policy kPolicies[] = {Policy::kFloatHalfEven, Policy::kFixedSingle, Policy::kFloatHalfAway};
    auto made = random.between(0, 2) == 0 ? float_epilogue(outputs, ratio) : s16_epilogue(kPolicies[random.between(0, 2)], outputs, ratio);
    if (made) data = *std::move(made);
    const auto wide = random.integers(outputs, -2000000, 2000000);
    bias.assign(wide.begin(), wide.end());
    padding = random.shorts(inputs);
    zero_point = random.shorts(outputs, -300, 300);
    minimum = random.shorts(outputs, -32768, -32000);
    maximum = random.shorts(outputs, 32000, 32767);
  }
  ht_output_s16 output() const { return {zero_point.data(), minimum.data(), maximum.data()}; }
  int64_t element_bytes() const { return data.output == HT_OUTPUT_F32 ? 4 : 2; }
};

// A depthwise convolution of some shape, without its arrays.
struct SomeDepthwise {
  ht_depthwise_params params{};
  int32_t channels, outputs, depth;

  explicit SomeDepthwise(Random& random) {
    params.channel_multiplier = random.between(1, 2);
    channels = params.input_channels = random.between(1, 140);
    outputs = channels * params.channel_multiplier;
    choose_window(random, params, channels, outputs);
    depth = params.kernel_height * params.kernel_width;
  }
};

}  // namespace

bool check_conv(Random& random) {
  SomeConv conv(random, 70, 70);
  const auto input = random.bytes(input_size(conv.params)), weights = random.bytes(conv.weights());
  conv.params.weights = weights.data();
  return agree(random, conv_kernels(), conv.params, {input.data()}, conv.output_bytes(), conv_units(conv.params));
}

bool check_conv_wide(Random& random) {
  const SomeConv conv(random, 50, 20);
  const auto input = random.bytes(input_size(conv.params));
  const auto weights = random.shorts(conv.weights(), -255, 255);
  const ht_conv_wide_params wide{conv.params, weights.data()};
  return agree(random, conv_wide_kernels(), wide, {input.data()}, conv.output_bytes(), conv_wide_units(wide));
}

bool check_conv_w4(Random& random) {
  const SomeConv conv(random, 70, 70);
  const auto input = random.bytes(input_size(conv.params));
  const int32_t inputs = conv.params.input_channels / conv.params.groups, block = random.between(0, inputs);
  const int32_t blocks = block == 0 ? 0 : (inputs + block - 1) / block * (conv.depth / inputs);
  const auto halves = [&](int32_t row) {
    const auto drawn = random.bytes(int64_t{(row + 1) / 2} * conv.params.output_channels);
    return std::vector<uint8_t>(drawn.begin(), drawn.end());
  };
  const auto weights = halves(conv.depth), multiples = halves(blocks);
  const ht_conv_w4_params w4{conv.params, block, weights.data(), multiples.data(), nullptr};
  return agree(random, conv_w4_kernels(), w4, {input.data()}, conv.output_bytes(), conv_w4_units(w4));
}

bool check_conv_s16(Random& random) {
  SomeConv conv(random, 60, 20);
  const auto input = random.shorts(input_size(conv.params));
  const auto weights = random.bytes(conv.weights());
  const SomeS16 s16(random, conv.params.input_channels, conv.params.output_channels, conv.depth);
  conv.params.weights = weights.data();
  conv.params.epilogue = s16.data.view();
  const ht_conv_s16_params params{conv.params, s16.bias.data(), s16.padding.data(), s16.output(), nullptr};
  return agree(random, conv_s16_kernels(), params, {input.data()}, output_size(conv.params) * s16.element_bytes(), conv_s16_units(params));
}

bool check_depthwise(Random& random) {
  auto [p, channels, outputs, depth] = SomeDepthwise(random);
  const auto input = random.bytes(input_size(p)), weights = random.bytes(int64_t{depth} * outputs),
             padding = random.bytes(channels);
  const auto bias = random.integers(outputs, -20000, 20000);
  const EpilogueData data = some_epilogue(random, outputs, depth);
  p.weights = weights.data();
  p.bias = bias.data();
  p.padding = padding.data();
  p.epilogue = data.view();
  return agree(random, depthwise_kernels(), p, {input.data()}, output_size(p) * element_bytes(data), depthwise_units(p));
}

bool check_depthwise_s16(Random& random) {
  auto [p, channels, outputs, depth] = SomeDepthwise(random);
  const auto input = random.shorts(input_size(p));
  const auto weights = random.bytes(int64_t{depth} * outputs);
  const SomeS16 s16(random, channels, outputs, depth);
  p.weights = weights.data();
  p.epilogue = s16.data.view();
  const ht_depthwise_s16_params params{p, s16.bias.data(), s16.padding.data(), s16.output()};
  return agree(random, depthwise_s16_kernels(), params, {input.data()}, output_size(p) * s16.element_bytes(), depthwise_s16_units(params));
}

bool check_gemm(Random& random) {
  ht_gemm_params p{};
  p.batch = random.between(1, 2);
  p.rows = random.between(1, 12);
  p.columns = p.output_stride = random.between(1, 60);
  p.depth = p.a_stride = p.b_stride = random.between(1, 200);
  p.a_batch_stride = p.rows * p.depth;
  p.b_batch_stride = p.columns * p.depth;
  p.output_batch_stride = p.rows * p.columns;
  p.a_zero_point = random.between(-128, 127);
  p.b_zero_point = random.between(-128, 127);
  const auto a = random.bytes(int64_t{p.batch} * p.a_batch_stride), b = random.bytes(int64_t{p.batch} * p.b_batch_stride);
  const EpilogueData data = some_epilogue(random, p.columns, p.depth);
  p.epilogue = data.view();
  return agree(random, gemm_kernels(), p, {a.data(), b.data()}, int64_t{p.batch} * p.output_batch_stride * element_bytes(data),
               gemm_units(p));
}

bool check_pool(Random& random) {
  auto p = some_pool<ht_pool_params>(random);
  const auto zero_point = random.bytes(p.channels), input = random.bytes(input_size(p));
  const auto data =
      int8_epilogue(Policy::kFloatHalfEven, p.channels, {random.real(0.3, 2)}, {random.bytes(p.channels), {-128}, {127}});
  if (!data) return false;
  p.channel_step = 1;
  p.input_zero_point = zero_point.data();
  p.epilogue = data->view();
  return agree(random, pool_kernels(), p, {input.data()}, output_size(p), pool_units(p));
}

bool check_pool_f32(Random& random) {
  const auto p = some_pool<ht_pool_f32_params>(random);
  const auto input = random.floats(input_size(p), -9, 9);
  return agree(random, pool_f32_kernels(), p, {input.data()}, output_size(p) * 4, pool_f32_units(p));
}

bool check_conv_f32(Random& random) {
  ht_conv_f32_params p{};
  p.groups = random.between(1, 2);
  const int32_t in = random.between(1, 40), out = random.between(1, 20);
  choose_window(random, p, in * p.groups, out * p.groups);
  p.input_channels = in * p.groups;
  p.output_channels = out * p.groups;
  const auto input = random.floats(input_size(p), -2, 2), bias = random.floats(p.output_channels, -1, 1);
  const auto weights = random.floats(int64_t{in} * p.kernel_height * p.kernel_width * p.output_channels, -2, 2);
  p.weights = weights.data();
  p.bias = bias.data();
  p.minimum = -50;
  p.maximum = 50;
  return agree(random, conv_f32_kernels(), p, {input.data()}, output_size(p) * 4, conv_f32_units(p));
}

bool check_depthwise_f32(Random& random) {
  ht_depthwise_f32_params p{};
  p.channel_multiplier = random.between(1, 2);
  const int32_t channels = random.between(1, 90), outputs = channels * p.channel_multiplier;
  choose_window(random, p, channels, outputs);
  p.input_channels = channels;
  const auto input = random.floats(input_size(p), -2, 2), bias = random.floats(outputs, -1, 1);
  const auto weights = random.floats(int64_t{p.kernel_height} * p.kernel_width * outputs, -2, 2);
  p.weights = weights.data();
  p.bias = bias.data();
  p.minimum = -50;
  p.maximum = 50;
  return agree(random, depthwise_f32_kernels(), p, {input.data()}, output_size(p) * 4, depthwise_f32_units(p));
}

bool check_gemm_f32(Random& random) {
  ht_gemm_f32_params p{};
  p.batch = 1;
  p.rows = random.between(1, 9);
  p.columns = p.output_stride = random.between(1, 40);
  p.depth = p.a_stride = p.b_stride = random.between(1, 120);
  p.alpha = 1.5f;
  p.beta = 1;
  const auto a = random.floats(int64_t{p.rows} * p.depth, -2, 2), b = random.floats(int64_t{p.columns} * p.depth, -2, 2);
  const auto bias = random.floats(p.columns, -1, 1);
  p.bias = bias.data();
  return agree(random, gemm_f32_kernels(), p, {a.data(), b.data()}, int64_t{p.rows} * p.columns * 4, gemm_f32_units(p));
}

}  // namespace ht::self_check
