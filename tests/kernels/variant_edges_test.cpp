// SPDX-License-Identifier: Apache-2.0
// Where faster variants change their ways: shapes that pick another loop, multipliers and numbers at the edge of what a
// shorter calculation may take.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "kernels/epilogue.h"
#include "kernels/registry.h"
#include "variants.h"

namespace ht::test {
namespace {

TEST(VariantEdges, CopiesOfAllOrders) {
  for (uint32_t seed = 0; seed < 4000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int32_t a = random.integer(1, 4), b = random.integer(1, 70),
                  c = random.coin() ? random.integer(1, 5) : random.integer(1, seed % 50 ? 90 : 600);
    const int32_t gap = random.integer(0, 3), bytes = random.coin() ? 1 : 1 << random.integer(0, 2);
    ht_copy_params p{bytes, 3, {a, b, c}, {}, {b * (c + gap), c + gap, 1}, 0, random.integer(0, 2)};
    int32_t strides[][3] = {{b * c, c, 1}, {b * c, 1, b}, {2 * b * c, 2 * c, 2}, {1, a * c, a}, {c, a * c, 1}, {b * c, c, -1}};
    const int32_t kind = random.integer(0, 5);
    std::copy_n(strides[kind], 3, p.input_stride);
    p.input_offset = kind == 5 ? c - 1 : 0;
    const auto input = random.bytes(static_cast<size_t>(2 * a * b * c * bytes));
    compare<ht_copy_params>(random, copy_kernels(), p, {input.data()}, static_cast<size_t>((a * b * (c + gap) + 2) * bytes),
                            copy_units(p));
  }
}

// Channels that share a block of 64 bytes with others, repeat after several blocks, or need blocks of their own.
TEST(VariantEdges, DepthwiseRows) {
  constexpr int32_t kChannels[] = {1, 3, 8, 16, 24, 32, 48, 64, 96, 116, 128, 130};
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_depthwise_params p{};
    p.batch = random.integer(1, 2);
    p.channel_multiplier = 1;
    p.input_channels = kChannels[random.integer(0, 11)];
    p.input_stride = p.input_channels + random.integer(0, 1) * 5;
    p.output_stride = p.input_channels + random.integer(0, 1) * 7;
    p.input_height = random.integer(1, 9);
    p.input_width = random.integer(1, 40);
    p.kernel_height = random.coin() ? 3 : random.integer(1, 5);
    p.kernel_width = random.coin() ? 3 : random.integer(1, 5);
    p.stride_height = random.integer(1, 3);
    p.stride_width = random.integer(1, 3);
    p.dilation_height = random.integer(1, 2);
    p.dilation_width = random.integer(1, 2);
    p.pad_top = random.integer(0, 3);
    p.pad_left = random.integer(0, 3);
    p.output_height = random.integer(1, 7);
    p.output_width = random.integer(1, 41);
    const auto channels = static_cast<size_t>(p.input_channels);
    const int32_t taps = p.kernel_height * p.kernel_width;
    const auto input = random.bytes(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride));
    const auto weights = random.bytes(static_cast<size_t>(taps) * channels), padding = random.bytes(channels);
    const auto bias = random.integers(channels, -20000, 20000);
    std::vector<double> in, out, ratio;
    for (size_t c = 0; c < channels; ++c) {
      in.push_back(random.real(0.0001, 0.001));
      out.push_back(random.real(0.01, 0.1));
      ratio.push_back(in[c] / out[c]);
    }
    const Int8Output stored{random.bytes(channels), {-120}, {100}};
    const int32_t kind = random.integer(0, 3);
    const EpilogueData data = kind == 0   ? *float_epilogue(p.input_channels, in)
                              : kind == 1 ? *int8_epilogue(Policy::kFloatHalfEven, p.input_channels, ratio, stored)
                                          : *activated_epilogue(Policy::kFloatHalfEven, p.input_channels,
                                                                {kind == 2 ? HT_SILU : HT_SIGMOID, 0.0f}, in, out, stored);
    p.weights = weights.data();
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = data.view();
    compare<ht_depthwise_params>(random, depthwise_kernels(), p, {input.data()},
                                 static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride) *
                                     (data.output == HT_OUTPUT_F32 ? 4u : 1u),
                                 depthwise_units(p));
  }
}

// Sums of any size under multipliers from tiny to large: from 1/2 on, products can leave what a vector conversion takes, and
// activations leave their pieces on both sides.
TEST(VariantEdges, LargeMultipliers) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int32_t outputs = random.integer(1, 40), inputs = random.integer(1, 9) * 4;
    ht_conv_params p{};
    p.batch = p.groups = p.input_height = p.output_height = 1;
    p.kernel_height = p.kernel_width = p.stride_height = p.stride_width = p.dilation_height = p.dilation_width = 1;
    p.input_width = p.output_width = random.integer(30, 70);
    p.input_channels = p.input_stride = inputs;
    p.output_channels = p.output_stride = outputs;
    const auto count = static_cast<size_t>(outputs);
    const auto input = random.bytes(static_cast<size_t>(p.input_width * inputs)),
               weights = random.bytes(count * static_cast<size_t>(inputs)), padding = random.bytes(static_cast<size_t>(inputs));
    auto bias = random.integers(count, -2000000000, 2000000000);
    std::vector<double> in, out, ratio;
    for (size_t c = 0; c < count; ++c) {
      in.push_back(std::exp2(random.real(-40, -4)));
      out.push_back(std::exp2(random.real(-19, 3)));
      ratio.push_back(std::exp2(random.real(-30, seed % 2 == 0 ? -1.5 : 3)));
    }
    const Int8Output stored{random.bytes(count), {-128}, {127}};
    const int32_t functions[] = {HT_SILU, HT_SIGMOID, HT_TANH, HT_GELU, HT_HARD_SWISH, HT_MISH, HT_SOFTPLUS, HT_ELU};
    const EpilogueData data = random.coin() ? *int8_epilogue(Policy::kFloatHalfEven, outputs, ratio, stored)
                                            : *activated_epilogue(Policy::kFloatHalfEven, outputs,
                                                                  {functions[random.integer(0, 7)], 1.0f}, in, out, stored);
    p.weights = weights.data();
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = data.view();
    compare<ht_conv_params>(random, conv_kernels(), p, {input.data()}, static_cast<size_t>(p.output_width * outputs), 1);
  }
}

// Quotients that are halves, or next to them, are where a division by other means would show.
TEST(VariantEdges, QuantizationOfHalves) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int32_t channels = random.integer(1, 70), step = random.integer(0, 1);
    std::vector<float> scale, x;
    for (int32_t c = 0; c < channels; ++c) scale.push_back(std::exp2f(static_cast<float>(random.real(-30, 30))));
    if (seed % 20 == 0) scale[0] = seed % 40 == 0 ? 1e-38f : 1e30f;
    for (int32_t row = 0; row < 40; ++row)
      for (int32_t c = 0; c < channels; ++c) {
        float value = (static_cast<float>(random.integer(-200, 200)) + 0.5f) * scale[static_cast<size_t>(c * step)];
        for (int32_t i = random.integer(-2, 2); i != 0; i += i < 0 ? 1 : -1)
          value = std::nextafterf(value, i < 0 ? -INFINITY : INFINITY);
        const float special[] = {INFINITY, -INFINITY, NAN, 0.0f, 3e38f, 1e-44f};
        x.push_back(random.integer(0, 30) == 0 ? special[random.integer(0, 5)] : value);
      }
    const auto zero_point = random.bytes(static_cast<size_t>(channels));
    const ht_convert_params p{40, channels, channels, channels, step, 0, scale.data(), zero_point.data()};
    compare<ht_convert_params>(random, quantize_kernels(), p, {x.data()}, x.size(), 40);
    if (step != 0) continue;
    const int32_t colors = random.integer(1, 4), pixels = static_cast<int32_t>(x.size()) / colors;
    const ht_convert_params photo{pixels, colors, 1, colors + random.integer(0, 1), 0, pixels, scale.data(), zero_point.data()};
    compare<ht_convert_params>(random, quantize_kernels(), photo, {x.data()}, static_cast<size_t>(pixels * photo.output_stride), pixels);
  }
}

TEST(VariantEdges, SigmoidOfAllSizes) {
  constexpr uint32_t kLast = 0x42c80000, kStep = 127;  // 100
  std::vector<float> x;
  for (uint32_t bits = 0; bits < kLast; bits += kStep) {
    float value;
    std::memcpy(&value, &bits, sizeof(value));
    x.push_back(bits % 2 == 0 ? value : -value);
  }
  // exp(-x) is 1 - 2^-23 here: what is divided by has a significand of ones only.
  for (int32_t i = -8; i <= 8; ++i) x.push_back(1.1920929e-7f * (1.0f + static_cast<float>(i) / 8.0f));
  Random random(1);
  for (const int32_t kind : {HT_SIGMOID, HT_SILU}) {
    const ht_unary_f32_params p{kind, static_cast<int32_t>(x.size()), 0, 0};
    compare<ht_unary_f32_params>(random, unary_f32_kernels(), p, {x.data()}, x.size() * 4, unary_f32_units(p));
  }
}

TEST(VariantEdges, PoolsOfAllWindows) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_pool_params p{};
    p.kind = HT_POOL_MAX;
    p.batch = random.integer(1, 2);
    p.input_height = random.integer(1, 9);
    p.input_width = random.integer(1, 9);
    p.channels = random.integer(1, 140);
    p.input_stride = p.channels + random.integer(0, 3);
    p.output_stride = p.channels + random.integer(0, 3);
    p.output_height = random.integer(1, 6);
    p.output_width = random.integer(1, 6);
    p.kernel_height = random.integer(1, 4);
    p.kernel_width = random.integer(1, 4);
    p.stride_height = random.integer(1, 3);
    p.stride_width = random.integer(1, 3);
    p.dilation_height = random.integer(1, 3);
    p.dilation_width = random.integer(1, 3);
    p.pad_top = random.integer(0, 9);
    p.pad_left = random.integer(0, 9);
    const auto input = random.bytes(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride));
    compare<ht_pool_params>(random, pool_kernels(), p, {input.data()},
                            static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride), pool_units(p));
  }
}

TEST(VariantEdges, SumsAndProductsWithoutGaps) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int32_t rows = random.integer(1, 9), n = random.integer(1, 100);
    const auto count = static_cast<size_t>(n);
    const auto a = random.bytes(static_cast<size_t>(rows) * count), b = random.bytes(static_cast<size_t>(rows) * count);
    const auto za = random.bytes(count), zb = random.bytes(count), zo = random.bytes(count);
    const auto ra = random.floats(count, 0.001, 2), rb = random.floats(count, 0.001, 2);
    for (int32_t kind = HT_ADD; kind <= HT_MUL; ++kind) {
      const ht_binary_params p{kind,
                               HT_FLOAT_HALF_EVEN,
                               {2, {rows, n}, {n, 1}, {n, 1}, {n, 1}},
                               random.integer(0, 1),
                               ra.data(),
                               rb.data(),
                               nullptr,
                               nullptr,
                               nullptr,
                               za.data(),
                               zb.data(),
                               zo.data()};
      compare<ht_binary_params>(random, binary_kernels(), p, {a.data(), b.data()}, a.size(), binary_units(p));
    }
  }
}

TEST(VariantEdges, FloatDepthwiseWindows) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_depthwise_f32_params p{};
    p.batch = random.integer(1, 2);
    p.channel_multiplier = random.integer(0, 4) == 0 ? 2 : 1;
    p.input_channels = random.integer(1, 40);
    p.input_stride = p.input_channels + random.integer(0, 3);
    p.output_stride = p.input_channels * p.channel_multiplier + random.integer(0, 3);
    p.input_height = random.integer(1, 9);
    p.input_width = random.integer(1, 20);
    p.output_height = random.integer(1, 9);
    p.output_width = random.integer(1, 20);
    p.kernel_height = random.integer(1, 5);
    p.kernel_width = random.integer(1, 5);
    p.stride_height = random.integer(1, 2);
    p.stride_width = random.integer(1, 2);
    p.dilation_height = random.integer(1, 2);
    p.dilation_width = random.integer(1, 2);
    p.pad_top = random.integer(0, 4);
    p.pad_left = random.integer(0, 4);
    p.minimum = -3;
    p.maximum = 4;
    const auto outputs = static_cast<size_t>(p.input_channels * p.channel_multiplier);
    const auto x = random.floats(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride), -2, 2);
    const auto weights = random.floats(static_cast<size_t>(p.kernel_height * p.kernel_width) * outputs, -2, 2),
               bias = random.floats(outputs, -2, 2);
    p.weights = weights.data();
    p.bias = random.coin() ? bias.data() : nullptr;
    compare<ht_depthwise_f32_params>(random, depthwise_f32_kernels(), p, {x.data()},
                                     static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride) * 4,
                                     depthwise_f32_units(p));
  }
}

}  // namespace
}  // namespace ht::test
