// SPDX-License-Identifier: Apache-2.0
// Every variant that this machine can run gives the normative kernel's bits: random shapes, tails, misaligned tensors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "kernels/epilogue.h"
#include "kernels/registry.h"
#include "variants.h"

namespace ht::test {
namespace {

EpilogueData random_epilogue(Random& random, int32_t channels, int32_t depth) {
  const Policy policies[] = {Policy::kFloatHalfEven, Policy::kFixedSingle, Policy::kFixedDouble, Policy::kFixedRndnu,
                             Policy::kFloatHalfAway};
  const Policy policy = policies[random.integer(0, 4)];
  // Some layers' values are tiny: then multipliers are large, and what an activation gives is close to leaving its type.
  const double tiny = random.integer(0, 2) == 0 ? std::pow(10.0, random.real(-9, 0)) : 1, sums = random.coin() ? tiny : 1;
  std::vector<double> in, out;
  for (int32_t c = 0; c < channels; ++c) {
    in.push_back(random.real(0.1, 2) * 0.001 / std::sqrt(depth) * sums);
    out.push_back(random.real(0.01, 0.1) * tiny);
  }
  const auto bounds = [&](int32_t least, int32_t greatest, int8_t none) {
    if (random.coin()) return std::vector<int8_t>{none};
    return random.bytes(random.coin() ? 1 : static_cast<size_t>(channels), least, greatest);
  };
  const Int8Output output{random.bytes(static_cast<size_t>(channels)), bounds(-127, -100, -128), bounds(100, 126, 127)};
  const int32_t kinds[] = {HT_SILU, HT_SIGMOID, HT_TANH, HT_GELU, HT_LEAKY_RELU, HT_HARD_SWISH};
  switch (random.integer(0, 3)) {
    case 0:
      return *activated_epilogue(policy, channels, {kinds[random.integer(0, 5)], 0.1f}, in, out, output);
    case 1:
      return *float_epilogue(channels, in);
    default: {
      std::vector<double> ratio;
      for (size_t c = 0; c < in.size(); ++c) ratio.push_back(in[c] / out[c]);
      return *int8_epilogue(policy, channels, ratio, output);
    }
  }
}

size_t element_bytes(const EpilogueData& data) { return data.output == HT_OUTPUT_F32 ? 4 : 1; }

TEST(Variants, Convolution) {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_conv_params p{};
    p.groups = random.integer(0, 3) == 0 ? 2 : 1;
    const bool many = seed % 40 == 0;  // weights beyond what a core keeps near
    const int32_t in = many ? random.integer(100, 200) : random.integer(1, 80), out = many ? random.integer(200, 300) : random.integer(1, 70);
    p.batch = random.integer(0, 3) == 0 ? 2 : 1;
    p.input_height = random.integer(1, 6);
    p.input_width = random.integer(1, seed % 4 == 0 ? 90 : 19);
    p.input_channels = in * p.groups;
    p.input_stride = p.input_channels + (random.coin() ? 0 : 7);
    p.output_channels = out * p.groups;
    p.output_stride = p.output_channels + (random.coin() ? 0 : 3);
    p.kernel_height = random.coin() ? 1 : random.coin() ? 3 : random.integer(2, 6);
    p.kernel_width = many || random.coin() ? p.kernel_height : random.integer(1, 5);
    p.stride_height = p.stride_width = random.integer(1, 2);
    p.dilation_height = random.integer(1, 2);
    p.dilation_width = random.integer(1, 2);
    p.pad_top = p.kernel_height / 2 * random.integer(0, 2);
    p.pad_left = p.kernel_width / 2 * random.integer(0, 2);
    p.output_height = (p.input_height - 1) / p.stride_height + 1;
    p.output_width = (p.input_width - 1) / p.stride_width + 1;
    const int32_t depth = in * p.kernel_height * p.kernel_width, images = p.batch;
    const auto input = random.bytes(static_cast<size_t>(images * p.input_height * p.input_width * p.input_stride + 1));
    const auto weights = random.bytes(static_cast<size_t>(depth * p.output_channels)),
               padding = random.bytes(static_cast<size_t>(p.input_channels));
    const auto bias = random.integers(static_cast<size_t>(p.output_channels), -200000, 200000);
    const EpilogueData data = random_epilogue(random, p.output_channels, depth);
    p.weights = weights.data();
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = data.view();
    int64_t elements = int64_t{images} * p.output_height * p.output_width * p.output_stride;
    if (data.output == HT_OUTPUT_F32 && images == 1 && random.coin()) {
      p.output_stride = 1;
      p.epilogue.plane = p.output_height * p.output_width + random.integer(0, 5);
      elements = int64_t{p.output_channels} * p.epilogue.plane;
    }
    const size_t bytes = static_cast<size_t>(elements) * element_bytes(data);
    compare<ht_conv_params>(random, conv_kernels(), p, {input.data() + 1}, bytes, conv_units(p));
    compare_channels(random, p, input.data() + 1, bytes);
  }
}

TEST(Variants, Depthwise) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_depthwise_params p{};
    p.batch = 1;
    p.channel_multiplier = random.integer(0, 4) == 0 ? 2 : 1;
    p.input_channels = random.integer(1, 150);
    p.input_stride = p.input_channels;
    const int32_t outputs = p.output_stride = p.input_channels * p.channel_multiplier;
    p.input_height = random.integer(1, 6);
    p.input_width = random.integer(1, 9);
    p.kernel_height = p.kernel_width = random.integer(0, 2) * 2 + 1;
    p.pad_top = p.pad_left = p.kernel_height / 2;
    p.stride_height = p.stride_width = random.integer(1, 2);
    p.dilation_height = p.dilation_width = 1;
    p.output_height = (p.input_height - 1) / p.stride_height + 1;
    p.output_width = (p.input_width - 1) / p.stride_width + 1;
    const auto input = random.bytes(static_cast<size_t>(p.input_height * p.input_width * p.input_stride + 1));
    const auto weights = random.bytes(static_cast<size_t>(p.kernel_height * p.kernel_width * outputs));
    const auto padding = random.bytes(static_cast<size_t>(p.input_channels));
    const auto bias = random.integers(static_cast<size_t>(outputs), -20000, 20000);
    const EpilogueData data = random_epilogue(random, outputs, p.kernel_height * p.kernel_width);
    p.weights = weights.data();
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = data.view();
    compare<ht_depthwise_params>(random, depthwise_kernels(), p, {input.data() + 1},
                                 static_cast<size_t>(p.output_height * p.output_width * p.output_stride) * element_bytes(data),
                                 depthwise_units(p));
  }
}

TEST(Variants, MatrixProduct) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_gemm_params p{};
    p.batch = random.integer(1, 2);
    p.rows = random.integer(1, 12);
    p.columns = random.integer(1, 60);
    p.depth = p.a_stride = p.b_stride = random.integer(1, 200);
    p.output_stride = p.columns;
    p.a_batch_stride = p.rows * p.depth;
    p.b_batch_stride = p.columns * p.depth;
    p.output_batch_stride = p.rows * p.columns;
    p.a_zero_point = random.integer(-128, 127);
    p.b_zero_point = random.integer(-128, 127);
    const auto a = random.bytes(static_cast<size_t>(p.batch * p.a_batch_stride)),
               b = random.bytes(static_cast<size_t>(p.batch * p.b_batch_stride));
    const EpilogueData data = random_epilogue(random, p.columns, p.depth);
    p.epilogue = data.view();
    compare<ht_gemm_params>(random, gemm_kernels(), p, {a.data(), b.data()},
                            static_cast<size_t>(p.batch * p.output_batch_stride) * element_bytes(data), gemm_units(p));
  }
}

// Windows at borders, inside, and beyond the input's end, in pixels with gaps between them.
TEST(Variants, PoolShapes) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_pool_params p{};
    p.kind = random.integer(0, 2) == 0 ? HT_POOL_AVERAGE : HT_POOL_MAX;
    p.batch = random.integer(1, 2);
    p.channels = random.coin() ? random.integer(1, 150) : 16;
    p.input_stride = p.channels + (random.coin() ? 0 : 5);
    p.output_stride = p.channels + (random.coin() ? 0 : 3);
    p.kernel_height = random.integer(1, 5);
    p.kernel_width = random.coin() ? p.kernel_height : random.integer(1, 5);
    p.stride_height = random.integer(1, 3), p.stride_width = random.integer(1, 3);
    p.dilation_height = random.integer(1, 2), p.dilation_width = random.integer(1, 2);
    p.pad_top = random.integer(0, p.kernel_height - 1), p.pad_bottom = random.integer(0, p.kernel_height - 1);
    p.pad_left = random.integer(0, p.kernel_width - 1), p.pad_right = random.integer(0, p.kernel_width - 1);
    p.input_height = (p.kernel_height - 1) * p.dilation_height + random.integer(1, 5);
    p.input_width = (p.kernel_width - 1) * p.dilation_width + random.integer(1, 40);
    const int32_t tall = p.input_height + p.pad_top + p.pad_bottom - (p.kernel_height - 1) * p.dilation_height - 1;
    const int32_t wide = p.input_width + p.pad_left + p.pad_right - (p.kernel_width - 1) * p.dilation_width - 1;
    p.output_height = tall / p.stride_height + 1, p.output_width = wide / p.stride_width + 1;
    p.count_padding = random.integer(0, 1);
    p.channel_step = 1;
    const auto zero_point = random.bytes(static_cast<size_t>(p.channels));
    const EpilogueData data = *int8_epilogue(Policy::kFloatHalfEven, p.channels, {random.real(0.3, 2)}, {random.bytes(static_cast<size_t>(p.channels)), {-128}, {127}});
    p.input_zero_point = zero_point.data();
    p.epilogue = data.view();
    const auto input = random.bytes(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride));
    compare<ht_pool_params>(random, pool_kernels(), p, {input.data()}, static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride), pool_units(p));
  }
}

TEST(Variants, Pools) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int32_t channels = random.integer(1, 90);
    ht_pool_params p{random.integer(0, 1), 1,       5, 6, channels, channels, 5, 6, channels, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1,
                     random.integer(0, 1), 1, nullptr, {}};
    const auto zero_point = random.bytes(static_cast<size_t>(channels));
    const EpilogueData data = *int8_epilogue(random.coin() ? Policy::kFloatHalfEven : Policy::kFixedSingle, channels,
                                             {random.real(0.3, 2)}, {random.bytes(static_cast<size_t>(channels)), {-128}, {127}});
    p.input_zero_point = zero_point.data();
    p.epilogue = data.view();
    const auto input = random.bytes(static_cast<size_t>(30 * channels));
    compare<ht_pool_params>(random, pool_kernels(), p, {input.data()}, input.size(), pool_units(p));
    const ht_pool_f32_params f{p.kind, 1, 5, 6, channels, channels, 5, 6, channels, 3,
                               3,      1, 1, 1, 1,        1,        1, 1, 1,        p.count_padding};
    const auto floats = random.floats(input.size(), -9, 9);
    compare<ht_pool_f32_params>(random, pool_f32_kernels(), f, {floats.data()}, floats.size() * 4, pool_f32_units(f));
  }
}

TEST(Variants, ShufflesOfChannels) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int32_t most = random.coin() ? 130 : 530;
    const int32_t axis = random.integer(1, most), count = random.integer(1, most), outer = random.integer(1, 5);
    const auto indices = random.integers(static_cast<size_t>(count), -axis - 2, axis + 2);
    const ht_gather_params p{1, outer, axis, count, 1, indices.data()};
    const auto input = random.bytes(static_cast<size_t>(outer * axis));
    compare<ht_gather_params>(random, gather_kernels(), p, {input.data()}, static_cast<size_t>(outer * count), gather_units(p));
  }
}

TEST(Variants, Binary) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int32_t n = random.integer(1, 400), a_step = random.integer(0, 1);
    const ht_broadcast shape{2, {3, n}, {n, a_step}, {0, 1}, {n, 1}};
    const auto a = random.bytes(static_cast<size_t>(3 * n)), b = random.bytes(static_cast<size_t>(n));
    const auto zeros = random.bytes(static_cast<size_t>(n));
    const auto ratio = random.floats(static_cast<size_t>(n), 0.001, 1);
    const auto fixed = random.integers(static_cast<size_t>(n), 1 << 29, 1 << 30),
               shift = random.integers(static_cast<size_t>(n), -8, 1);
    for (int32_t kind = HT_ADD; kind <= HT_MUL; ++kind)
      for (const int32_t policy : {HT_FLOAT_HALF_EVEN, HT_FIXED_SINGLE}) {
        const ht_binary_params p{kind,         policy,       shape,        random.integer(0, 1), ratio.data(), ratio.data(),
                                 fixed.data(), fixed.data(), shift.data(), zeros.data(),         zeros.data(), zeros.data()};
        compare<ht_binary_params>(random, binary_kernels(), p, {a.data(), b.data()}, static_cast<size_t>(3 * n), binary_units(p));
      }
    const auto x = random.floats(static_cast<size_t>(3 * n), -20, 20), y = random.floats(static_cast<size_t>(n), -3, 3);
    for (int32_t kind = HT_ADD; kind <= HT_PRELU; ++kind) {
      const ht_binary_f32_params p{kind, shape};
      compare<ht_binary_f32_params>(random, binary_f32_kernels(), p, {x.data(), y.data()}, static_cast<size_t>(12 * n),
                                    binary_f32_units(p));
    }
  }
}

TEST(Variants, Unary) {
  Random random(1);
  auto x = random.floats(5000, -100, 100);
  const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, -1e-40f, 3e38f, 0.5f, -0.5f, 2.5f};
  std::copy(std::begin(special), std::end(special), x.begin() + 100);
  for (int32_t kind = HT_IDENTITY; kind <= HT_COS; ++kind) {
    SCOPED_TRACE(kind);
    const ht_unary_f32_params p{kind, 5000 - kind, 0.3f, 1.1f};
    compare<ht_unary_f32_params>(random, unary_f32_kernels(), p, {x.data()}, static_cast<size_t>(p.count) * 4,
                                 unary_f32_units(p));
  }
}

TEST(Variants, FloatSums) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int32_t depth = random.integer(1, 90), columns = random.integer(1, 40), rows = random.integer(1, 9);
    const auto a = random.floats(static_cast<size_t>(depth * 9 * 9), -2, 2),
               b = random.floats(static_cast<size_t>(9 * depth * 9), -2, 2);
    const ht_gemm_f32_params gemm{1, rows, columns, depth, depth, depth, columns, 0, 0, 0, 1.5f, 1.0f, nullptr, b.data()};
    compare<ht_gemm_f32_params>(random, gemm_f32_kernels(), gemm, {a.data(), b.data()}, static_cast<size_t>(rows * columns) * 4,
                                rows);
    const ht_depthwise_f32_params depthwise{1, 9, 9, depth, depth, 9, 9,        depth,    1,   3, 3,
                                            1, 1, 1, 1,     1,     1, b.data(), a.data(), -50, 50};
    compare<ht_depthwise_f32_params>(random, depthwise_f32_kernels(), depthwise, {a.data()}, static_cast<size_t>(81 * depth) * 4,
                                     9);
    for (const int32_t inner : {1, 3, 13})
      for (int32_t kind = HT_REDUCE_SUM; kind <= HT_REDUCE_LOG_SUM_EXP; ++kind) {
        const ht_reduce_f32_params reduce{kind, 5, depth, inner};
        compare<ht_reduce_f32_params>(random, reduce_f32_kernels(), reduce, {a.data()}, static_cast<size_t>(20 * inner),
                                      5 * inner);
        const ht_softmax_f32_params softmax{5, depth, inner, kind % 2};
        compare<ht_softmax_f32_params>(random, softmax_f32_kernels(), softmax, {a.data()},
                                       static_cast<size_t>(20 * inner * depth), 5 * inner);
      }
  }
}

TEST(Variants, FloatConvolutions) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_conv_f32_params p{};
    p.batch = random.integer(1, 2);
    p.groups = random.integer(1, 3);
    p.input_channels = p.groups * random.integer(1, 12);
    p.output_channels = p.groups * random.integer(1, 40);
    p.input_stride = p.input_channels + random.integer(0, 3);
    p.output_stride = p.output_channels + random.integer(0, 3);
    p.input_height = random.integer(1, 9);
    p.input_width = random.integer(1, 17);
    p.kernel_height = random.integer(1, 4);
    p.kernel_width = random.integer(1, 4);
    p.stride_height = random.integer(1, 2);
    p.stride_width = random.integer(1, 2);
    p.dilation_height = random.integer(1, 2);
    p.dilation_width = random.integer(1, 2);
    p.pad_top = random.integer(0, p.kernel_height);
    p.pad_left = random.integer(0, p.kernel_width);
    p.output_height = random.integer(1, 9);
    p.output_width = random.integer(1, 20);
    const int32_t depth = p.kernel_height * p.kernel_width * p.input_channels / p.groups;
    const auto x = random.floats(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride), -2, 2);
    const auto weights = random.floats(static_cast<size_t>(p.output_channels * depth), -2, 2);
    const auto bias = random.floats(static_cast<size_t>(p.output_channels), -2, 2);
    p.weights = weights.data();
    p.bias = random.integer(0, 1) == 0 ? nullptr : bias.data();
    p.minimum = -5;
    p.maximum = 5;
    compare<ht_conv_f32_params>(random, conv_f32_kernels(), p, {x.data()},
                                static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride) * 4,
                                conv_f32_units(p));
  }
}

TEST(Variants, Conversions) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int32_t channels = random.integer(1, 100), step = random.integer(0, 1);
    const auto x = random.floats(static_cast<size_t>(7 * channels), -50, 50),
               scale = random.floats(static_cast<size_t>(channels), 0.01, 1);
    const auto q = random.bytes(static_cast<size_t>(7 * channels)), zero_point = random.bytes(static_cast<size_t>(channels));
    const ht_convert_params p{7, channels, channels, channels, step, 0, scale.data(), zero_point.data()};
    compare<ht_convert_params>(random, quantize_kernels(), p, {x.data()}, q.size(), 7);
    const int32_t colors = random.coin() ? std::min(channels, 3) : channels;
    const ht_convert_params photo{7, colors, 1, colors, step, 7, scale.data(), zero_point.data()};
    compare<ht_convert_params>(random, quantize_kernels(), photo, {x.data()}, static_cast<size_t>(7 * colors), 7);
    compare<ht_convert_params>(random, dequantize_kernels(), p, {q.data()}, q.size() * 4, 7);
    const auto table = random.bytes(static_cast<size_t>(256 * channels));
    const ht_table_params t{7, channels, channels, channels, step * 256, table.data()};
    compare<ht_table_params>(random, table_kernels(), t, {q.data()}, q.size(), 7);
    const std::vector<int32_t> index{0, 1, 1, 2, 0, 2};
    const std::vector<int16_t> fixed{2048, 0, 700, 1348, 1024, 1024};
    const std::vector<float> weight{1, 0, 0.3f, 0.7f, 0.5f, 0.5f};
    const ht_resample_axis axis{2, index.data(), fixed.data(), weight.data()}, nearest{1, index.data(), nullptr, nullptr};
    for (const ht_resample_axis& y : {axis, nearest}) {
      const ht_resample_params r{1, 3, 2, channels, channels, 3, 2, channels, y, {2, index.data(), fixed.data(), weight.data()}};
      const std::vector<int32_t> within{0, 1, 1, 0};
      ht_resample_params inside = r;
      inside.x.index = within.data();
      compare<ht_resample_params>(random, resample_kernels(), inside, {q.data()}, static_cast<size_t>(6 * channels), 3);
      compare<ht_resample_params>(random, resample_f32_kernels(), inside, {x.data()}, static_cast<size_t>(24 * channels), 3);
    }
  }
}

TEST(Variants, SelectionObeysTheCap) {
  ht_conv_params p{};
  p.groups = p.kernel_height = p.kernel_width = 1;
  p.input_channels = 64;
  const auto selected = [&](Isa cap) { return std::string(select_kernel(conv_kernels(), p, cap).name); };
  const std::vector<Isa> x86{Isa::kAvx2, Isa::kAvx512Vnni, Isa::kAmx}, arm{Isa::kNeon, Isa::kDotprod, Isa::kI8mm};
  EXPECT_EQ(selected(Isa::kC), "conv.c");
  EXPECT_EQ(selected(Isa::kBest), selected(detect_isa()));
  const bool on_arm = isa_usable(Isa::kNeon, Isa::kBest);
  for (const Isa cap : on_arm ? arm : x86) {
    if (isa_usable(cap, Isa::kBest)) {
      EXPECT_EQ(selected(cap), "conv." + std::string(isa_name(cap)));
    }
  }
  for (const Isa cap : on_arm ? x86 : arm) EXPECT_EQ(selected(cap), "conv.c");
  const bool avx2 = isa_usable(Isa::kAvx2, Isa::kBest);
  EXPECT_EQ(select_kernel(pool_kernels(), ht_pool_params{}, Isa::kAvx2).name, avx2 ? "pool.avx2" : "pool.c");
}

}  // namespace
}  // namespace ht::test
