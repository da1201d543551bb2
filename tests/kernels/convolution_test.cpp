// SPDX-License-Identifier: Apache-2.0
// Convolution, depthwise convolution and matrix product against direct restatements in 64-bit integers and double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/epilogue.h"
#include "kernels/registry.h"
#include "random.h"

namespace ht::test {
namespace {

int8_t requantized(int64_t sum, float multiplier, int zero_point) {
  const double rounded = std::nearbyint(static_cast<double>(static_cast<float>(sum) * multiplier)) + zero_point;
  return static_cast<int8_t>(std::clamp(rounded, -128.0, 127.0));
}

struct Outputs {
  EpilogueData data;
  std::vector<int8_t> zero_point;
};

Outputs random_outputs(Random& random, int32_t channels, int32_t depth) {
  Outputs outputs{{}, random.bytes(static_cast<size_t>(channels), -20, 20)};
  std::vector<double> ratio;
  for (int32_t c = 0; c < channels; ++c)
    ratio.push_back(static_cast<double>(static_cast<float>(random.real(0.2, 2) * 0.02 / std::sqrt(depth))));
  outputs.data = *int8_epilogue(Policy::kFloatHalfEven, channels, ratio, {outputs.zero_point, {-128}, {127}});
  return outputs;
}

// The window geometry that convolution and depthwise convolution share.
template <class Params>
void random_geometry(Random& random, Params& p) {
  p.batch = random.integer(1, 2);
  p.input_height = random.integer(1, 9);
  p.input_width = random.integer(1, 11);
  p.stride_height = random.integer(1, 3);
  p.stride_width = random.integer(1, 3);
  p.dilation_height = random.integer(1, 2);
  p.dilation_width = random.integer(1, 3);
  p.kernel_height = random.integer(1, 4);
  p.kernel_width = random.integer(1, 5);
  p.pad_top = random.integer(0, 3);
  p.pad_left = random.integer(0, 3);
  const auto positions = [&](int size, int pads, int kernel, int dilation, int stride) {
    return (size + pads - (kernel - 1) * dilation - 1) / stride + 1;
  };
  p.output_height = std::max(1, positions(p.input_height, p.pad_top + 2, p.kernel_height, p.dilation_height, p.stride_height));
  p.output_width = std::max(1, positions(p.input_width, p.pad_left + 2, p.kernel_width, p.dilation_width, p.stride_width));
}

// q - z at a tap, 0 outside: the mathematical definition that folding must equal.
template <class Params>
int64_t centred(const Params& p, const std::vector<int8_t>& input, int b, int y, int x, int c) {
  if (y < 0 || y >= p.input_height || x < 0 || x >= p.input_width) return 0;
  const size_t at = ((static_cast<size_t>(b) * static_cast<size_t>(p.input_height) + static_cast<size_t>(y)) *
                         static_cast<size_t>(p.input_width) +
                     static_cast<size_t>(x)) *
                        static_cast<size_t>(p.input_stride) +
                    static_cast<size_t>(c);
  return input[at] - p.padding[c];
}

template <class Params, class Run>
void run_in_pieces(Random& random, const Params& params, const ht_arguments& arguments, int32_t units, Run run) {
  const int32_t middle = random.integer(0, units);
  run(&params, &arguments, middle, units);
  run(&params, &arguments, 0, middle);
}

// `draw` makes weights for the geometry, `run` computes with them.
template <class Weight, class Draw, class Run>
void convolution_equals_its_definition(Draw draw, Run run) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_conv_params p{};
    random_geometry(random, p);
    p.groups = random.coin() ? 1 : random.integer(1, 3);
    const int32_t group_inputs = random.integer(1, 19), group_outputs = random.integer(1, 11);
    p.input_channels = p.groups * group_inputs;
    p.output_channels = p.groups * group_outputs;
    p.input_stride = p.input_channels + (random.coin() ? 0 : random.integer(1, 5));
    p.output_stride = p.output_channels + random.integer(0, 3);
    const int32_t depth = p.kernel_height * p.kernel_width * group_inputs;
    const auto input = random.bytes(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride));
    const std::vector<Weight> weights = draw(random, p, static_cast<size_t>(p.output_channels * depth));
    const auto padding = random.bytes(static_cast<size_t>(p.input_channels));
    const auto plain_bias = random.integers(static_cast<size_t>(p.output_channels), -3000, 3000);
    auto bias = plain_bias;
    for (int o = 0; o < p.output_channels; ++o)
      for (int k = 0; k < depth; ++k)
        bias[static_cast<size_t>(o)] -= weights[static_cast<size_t>(o * depth + k)] *
                                        padding[static_cast<size_t>(o / group_outputs * group_inputs + k % group_inputs)];
    const Outputs outputs = random_outputs(random, p.output_channels, depth);
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = outputs.data.view();
    std::vector<int8_t> output(static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride), 77);
    run(random, p, weights, input, output);

    size_t at = 0;
    for (int b = 0; b < p.batch; ++b)
      for (int oy = 0; oy < p.output_height; ++oy)
        for (int ox = 0; ox < p.output_width; ++ox)
          for (int o = 0; o < p.output_stride; ++o, ++at) {
            if (o >= p.output_channels) {
              ASSERT_EQ(output[at], 77) << "wrote between pixels";
              continue;
            }
            int64_t sum = plain_bias[static_cast<size_t>(o)];
            for (int ky = 0; ky < p.kernel_height; ++ky)
              for (int kx = 0; kx < p.kernel_width; ++kx)
                for (int c = 0; c < group_inputs; ++c)
                  sum += centred(p, input, b, oy * p.stride_height - p.pad_top + ky * p.dilation_height,
                                 ox * p.stride_width - p.pad_left + kx * p.dilation_width, o / group_outputs * group_inputs + c) *
                         weights[static_cast<size_t>(((o * p.kernel_height + ky) * p.kernel_width + kx) * group_inputs + c)];
            ASSERT_EQ(output[at],
                      requantized(sum, outputs.data.real[static_cast<size_t>(o)], outputs.zero_point[static_cast<size_t>(o)]));
          }
  }
}

TEST(Convolution, EqualsItsDefinition) {
  convolution_equals_its_definition<int8_t>(
      [](Random& random, const ht_conv_params&, size_t count) { return random.bytes(count); },
      [](Random& random, ht_conv_params p, const auto& weights, const auto& input, auto& output) {
        p.weights = weights.data();
        std::vector<int32_t> scratch(ht_conv_scratch(&p) / 4 + 16);
        run_in_pieces(random, p, {{input.data()}, output.data(), scratch.data()}, ht_conv_units(&p), ht_conv);
      });
}

TEST(Convolution, OfWideWeightsEqualsItsDefinition) {
  convolution_equals_its_definition<int16_t>(
      [](Random& random, const ht_conv_params&, size_t count) {
        const auto drawn = random.integers(count, -255, 255);
        return std::vector<int16_t>(drawn.begin(), drawn.end());
      },
      [](Random& random, const ht_conv_params& p, const auto& weights, const auto& input, auto& output) {
        const ht_conv_wide_params wide{p, weights.data()};
        std::vector<int32_t> scratch(ht_conv_wide_scratch(&wide) / 4 + 16);
        run_in_pieces(random, wide, {{input.data()}, output.data(), scratch.data()}, ht_conv_wide_units(&wide), ht_conv_wide);
      });
}

// Two integers of four bits a byte, each of `rows` rows in bytes of its own.
std::vector<uint8_t> halves(const std::vector<int8_t>& integers, int32_t rows) {
  const size_t width = integers.size() / static_cast<size_t>(rows);
  std::vector<uint8_t> packed;
  for (size_t row = 0; row < integers.size(); row += width)
    for (size_t k = 0; k < width; k += 2) {
      const int high = k + 1 < width ? integers[row + k + 1] : 0;
      packed.push_back(static_cast<uint8_t>((high & 15) << 4 | (integers[row + k] & 15)));
    }
  return packed;
}

TEST(Convolution, OfFourBitWeightsEqualsItsDefinition) {
  convolution_equals_its_definition<int8_t>(
      [](Random& random, const ht_conv_params&, size_t count) { return random.bytes(count, -8, 7); },
      [](Random& random, const ht_conv_params& p, const auto& weights, const auto& input, auto& output) {
        const auto packed = halves(weights, p.output_channels);
        const ht_conv_w4_params w4{p, 0, packed.data(), nullptr, nullptr};
        std::vector<int32_t> scratch(ht_conv_w4_scratch(&w4) / 4 + 16);
        run_in_pieces(random, w4, {{input.data()}, output.data(), scratch.data()}, ht_conv_w4_units(&w4), ht_conv_w4);
      });
}

// The inputs of each tap in blocks whose weights are multiplied by one number.
TEST(Convolution, OfFourBitWeightsInBlocksEqualsItsDefinition) {
  int32_t block = 0;
  std::vector<uint8_t> weights, multiples;
  convolution_equals_its_definition<int8_t>(
      [&](Random& random, const ht_conv_params& p, size_t count) {
        const int32_t inputs = p.input_channels / p.groups;
        block = random.integer(1, inputs + 1);
        const auto blocks = static_cast<size_t>((inputs + block - 1) / block), taps = count / static_cast<size_t>(inputs);
        const auto drawn = random.bytes(count, -8, 7), factors = random.bytes(taps * blocks, 1, 16);
        std::vector<int8_t> stored, products;
        for (int8_t factor : factors) stored.push_back(static_cast<int8_t>(factor - 1));
        for (size_t i = 0; i < count; ++i) {
          const size_t tap = i / static_cast<size_t>(inputs), input = i % static_cast<size_t>(inputs);
          products.push_back(static_cast<int8_t>(drawn[i] * factors[tap * blocks + input / static_cast<size_t>(block)]));
        }
        weights = halves(drawn, p.output_channels);
        multiples = halves(stored, p.output_channels);
        return products;
      },
      [&](Random& random, const ht_conv_params& p, const auto&, const auto& input, auto& output) {
        const ht_conv_w4_params w4{p, block, weights.data(), multiples.data(), nullptr};
        std::vector<int32_t> scratch(ht_conv_w4_scratch(&w4) / 4 + 16);
        run_in_pieces(random, w4, {{input.data()}, output.data(), scratch.data()}, ht_conv_w4_units(&w4), ht_conv_w4);
      });
}

// ---- 16-bit inputs ----

// What an epilogue of 16-bit outputs makes of the exact sum.
int16_t requantized_s16(const EpilogueData& data, size_t channel, __int128 sum, int zero_point, int minimum, int maximum) {
  __int128 rounded = 0;
  if (data.policy == Policy::kFloatHalfEven) {
    rounded = static_cast<__int128>(std::nearbyintl(static_cast<long double>(static_cast<double>(sum) * static_cast<double>(data.real[channel]))));
  } else {
    const int right = data.shift[channel];
    rounded = (sum * data.fixed[channel] + (static_cast<__int128>(1) << (right - 1))) >> right;
  }
  const __int128 shifted = rounded + zero_point;
  return static_cast<int16_t>(std::clamp<__int128>(shifted, minimum, maximum));
}

std::vector<int16_t> random_shorts(Random& random, size_t count, int low = -32768, int high = 32767) {
  const auto drawn = random.integers(count, low, high);
  return {drawn.begin(), drawn.end()};
}

struct WideConvolution {
  ht_conv_params geometry{};
  std::vector<int16_t> input, padding, zero_point, minimum, maximum;
  std::vector<int8_t> weights;
  std::vector<int64_t> bias;
  EpilogueData data;

  WideConvolution(Random& random, bool depthwise) {
    ht_conv_params& p = geometry;
    random_geometry(random, p);
    const int group_inputs = depthwise ? 1 : random.integer(1, 40), group_outputs = depthwise ? random.integer(1, 2) : random.integer(1, 9);
    p.groups = depthwise ? random.integer(2, 40) : random.integer(1, 3);
    p.input_channels = p.groups * group_inputs;
    p.output_channels = p.groups * group_outputs;
    p.input_stride = p.input_channels + random.integer(0, 2);
    p.output_stride = p.output_channels + random.integer(0, 2);
    const auto outputs = static_cast<size_t>(p.output_channels);
    input = random_shorts(random, static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride));
    weights = random.bytes(outputs * static_cast<size_t>(depth()));
    padding = random_shorts(random, static_cast<size_t>(p.input_channels));
    zero_point = random_shorts(random, outputs, -500, 500);
    minimum = random_shorts(random, outputs, -32768, -20000);
    maximum = random_shorts(random, outputs, 20000, 32767);
    for (size_t o = 0; o < outputs; ++o) bias.push_back(int64_t{random.integer(-1000000, 1000000)} * 100);
    std::vector<double> ratio;
    for (size_t o = 0; o < outputs; ++o) ratio.push_back(random.real(0.2, 2) / (70 * std::sqrt(depth())));
    data = *s16_epilogue(random.coin() ? Policy::kFloatHalfEven : Policy::kFixedSingle, p.output_channels, ratio);
    p.weights = weights.data();
    p.epilogue = data.view();
  }

  int depth() const { return geometry.kernel_height * geometry.kernel_width * geometry.input_channels / geometry.groups; }
  ht_output_s16 output() const { return {zero_point.data(), minimum.data(), maximum.data()}; }
  size_t output_size() const { return static_cast<size_t>(geometry.batch * geometry.output_height * geometry.output_width * geometry.output_stride); }

  std::vector<int16_t> run(Random& random) const {
    const ht_conv_s16_params params{geometry, bias.data(), padding.data(), output(), nullptr};
    std::vector<int16_t> out(output_size(), 77);
    std::vector<int64_t> scratch(ht_conv_s16_scratch(&params) / 8 + 16);
    run_in_pieces(random, params, {{input.data()}, out.data(), scratch.data()}, ht_conv_s16_units(&params), ht_conv_s16);
    return out;
  }

  int16_t expected(int b, int oy, int ox, int o) const {
    const ht_conv_params& p = geometry;
    const int group_inputs = p.input_channels / p.groups, first = o / (p.output_channels / p.groups) * group_inputs;
    __int128 sum = bias[static_cast<size_t>(o)];
    const int8_t* w = weights.data() + o * depth();
    for (int ky = 0; ky < p.kernel_height; ++ky)
      for (int kx = 0; kx < p.kernel_width; ++kx)
        for (int c = 0; c < group_inputs; ++c, ++w) {
          const int y = oy * p.stride_height - p.pad_top + ky * p.dilation_height, x = ox * p.stride_width - p.pad_left + kx * p.dilation_width;
          const bool inside = y >= 0 && y < p.input_height && x >= 0 && x < p.input_width;
          const auto at = static_cast<size_t>(((b * p.input_height + y) * p.input_width + x) * p.input_stride + first + c);
          sum += int64_t{inside ? input[at] : padding[static_cast<size_t>(first + c)]} * *w;
        }
    const auto channel = static_cast<size_t>(o);
    return requantized_s16(data, channel, sum, zero_point[channel], minimum[channel], maximum[channel]);
  }
};

TEST(Convolution, OfWideInputsEqualsItsDefinition) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const WideConvolution wide(random, false);
    const auto out = wide.run(random);
    const ht_conv_params& p = wide.geometry;
    size_t at = 0;
    for (int b = 0; b < p.batch; ++b)
      for (int oy = 0; oy < p.output_height; ++oy)
        for (int ox = 0; ox < p.output_width; ++ox)
          for (int o = 0; o < p.output_stride; ++o, ++at) ASSERT_EQ(out[at], o < p.output_channels ? wide.expected(b, oy, ox, o) : 77);
  }
}

TEST(Depthwise, OfWideInputsEqualsTheGroupedConvolution) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const WideConvolution wide(random, true);
    const ht_conv_params& p = wide.geometry;
    const auto outputs = static_cast<size_t>(p.output_channels), taps = static_cast<size_t>(wide.depth());
    std::vector<int8_t> weights(wide.weights.size());
    for (size_t o = 0; o < outputs; ++o)
      for (size_t t = 0; t < taps; ++t) weights[t * outputs + o] = wide.weights[o * taps + t];
    ht_depthwise_params d{};
    d.batch = p.batch, d.input_height = p.input_height, d.input_width = p.input_width, d.input_channels = p.input_channels;
    d.input_stride = p.input_stride, d.output_height = p.output_height, d.output_width = p.output_width, d.output_stride = p.output_stride;
    d.channel_multiplier = p.output_channels / p.input_channels, d.kernel_height = p.kernel_height, d.kernel_width = p.kernel_width;
    d.stride_height = p.stride_height, d.stride_width = p.stride_width, d.dilation_height = p.dilation_height;
    d.dilation_width = p.dilation_width, d.pad_top = p.pad_top, d.pad_left = p.pad_left;
    d.weights = weights.data(), d.epilogue = p.epilogue;
    const ht_depthwise_s16_params params{d, wide.bias.data(), wide.padding.data(), wide.output()};
    std::vector<int16_t> out(wide.output_size(), 77);
    std::vector<int64_t> scratch(ht_depthwise_s16_scratch(&params) / 8 + 16);
    run_in_pieces(random, params, {{wide.input.data()}, out.data(), scratch.data()}, ht_depthwise_s16_units(&params), ht_depthwise_s16);
    ASSERT_EQ(out, wide.run(random));
  }
}

TEST(Depthwise, EqualsItsDefinition) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_depthwise_params p{};
    random_geometry(random, p);
    p.input_channels = random.integer(1, 70);
    p.channel_multiplier = random.integer(0, 3) == 0 ? random.integer(2, 3) : 1;
    const int32_t channels = p.input_channels * p.channel_multiplier;
    p.input_stride = p.input_channels + random.integer(0, 2);
    p.output_stride = channels + random.integer(0, 2);
    const int32_t taps = p.kernel_height * p.kernel_width;
    const auto input = random.bytes(static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride));
    const auto weights = random.bytes(static_cast<size_t>(channels * taps));
    const auto padding = random.bytes(static_cast<size_t>(p.input_channels));
    const auto plain_bias = random.integers(static_cast<size_t>(channels), -3000, 3000);
    auto bias = plain_bias;
    for (int o = 0; o < channels; ++o)
      for (int t = 0; t < taps; ++t)
        bias[static_cast<size_t>(o)] -=
            weights[static_cast<size_t>(t * channels + o)] * padding[static_cast<size_t>(o / p.channel_multiplier)];
    const Outputs outputs = random_outputs(random, channels, taps);
    p.weights = weights.data();
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = outputs.data.view();
    std::vector<int8_t> output(static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride), 77);
    std::vector<int32_t> scratch(ht_depthwise_scratch(&p) / 4);
    run_in_pieces(random, p, {{input.data()}, output.data(), scratch.data()}, ht_depthwise_units(&p), ht_depthwise);

    for (int b = 0; b < p.batch; ++b)
      for (int oy = 0; oy < p.output_height; ++oy)
        for (int ox = 0; ox < p.output_width; ++ox)
          for (int o = 0; o < channels; ++o) {
            int64_t sum = plain_bias[static_cast<size_t>(o)];
            for (int t = 0; t < taps; ++t)
              sum += centred(p, input, b, oy * p.stride_height - p.pad_top + t / p.kernel_width * p.dilation_height,
                             ox * p.stride_width - p.pad_left + t % p.kernel_width * p.dilation_width, o / p.channel_multiplier) *
                     weights[static_cast<size_t>(t * channels + o)];
            const size_t at = static_cast<size_t>(((b * p.output_height + oy) * p.output_width + ox) * p.output_stride + o);
            ASSERT_EQ(output[at],
                      requantized(sum, outputs.data.real[static_cast<size_t>(o)], outputs.zero_point[static_cast<size_t>(o)]));
          }
  }
}

TEST(MatrixProduct, EqualsItsDefinition) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_gemm_params p{};
    p.batch = random.integer(1, 3);
    p.rows = random.integer(1, 9);
    p.columns = random.integer(1, 13);
    p.depth = random.integer(1, 70);
    p.a_stride = p.depth + random.integer(0, 3);
    p.b_stride = p.depth + random.integer(0, 3);
    p.output_stride = p.columns;
    p.a_batch_stride = p.rows * p.a_stride;
    p.b_batch_stride = random.coin() ? 0 : p.columns * p.b_stride;
    p.output_batch_stride = p.rows * p.output_stride;
    p.a_zero_point = random.integer(-128, 127);
    p.b_zero_point = random.coin() ? 0 : random.integer(-128, 127);
    const auto a = random.bytes(static_cast<size_t>(p.batch * p.a_batch_stride));
    const auto b = random.bytes(static_cast<size_t>(p.batch * p.columns * p.b_stride));
    const auto bias = random.integers(static_cast<size_t>(p.columns), -100000, 100000);
    if (random.coin()) p.bias = bias.data();
    if (random.coin()) p.weights = b.data();
    p.epilogue.output = HT_OUTPUT_S32;
    std::vector<int32_t> output(static_cast<size_t>(p.batch * p.rows * p.columns)), scratch(ht_gemm_scratch(&p) / 4 + 16);
    run_in_pieces(random, p, {{a.data(), b.data()}, output.data(), scratch.data()}, ht_gemm_units(&p), ht_gemm);
    for (int i = 0; i < p.batch; ++i)
      for (int m = 0; m < p.rows; ++m)
        for (int n = 0; n < p.columns; ++n) {
          int64_t sum = p.bias ? bias[static_cast<size_t>(n)] : 0;
          for (int k = 0; k < p.depth; ++k)
            sum += (a[static_cast<size_t>(i * p.a_batch_stride + m * p.a_stride + k)] - p.a_zero_point) *
                   (b[static_cast<size_t>(i * p.b_batch_stride + n * p.b_stride + k)] - p.b_zero_point);
          ASSERT_EQ(output[static_cast<size_t>((i * p.rows + m) * p.columns + n)], sum);
        }
  }
}

}  // namespace
}  // namespace ht::test
