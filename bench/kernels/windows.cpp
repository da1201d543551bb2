// SPDX-License-Identifier: Apache-2.0
// Layers of well-known networks: convolutions, matrix products and pooling.
#include <cmath>

#include "call.h"

namespace ht::bench {
namespace {

// A square window over a square map.
struct Window {
  int32_t input, kernel, stride;
  int32_t output() const { return (input - 1) / stride + 1; }
  int64_t input_pixels() const { return int64_t{input} * input; }
  int64_t output_pixels() const { return int64_t{output()} * output(); }
  int64_t taps() const { return int64_t{kernel} * kernel; }
};

template <class Params>
Params params_of(const Window& window, int32_t channels, int32_t outputs) {
  Params p{};
  p.batch = 1;
  p.input_height = p.input_width = window.input;
  p.output_height = p.output_width = window.output();
  p.input_stride = channels;
  p.output_stride = outputs;
  p.kernel_height = p.kernel_width = window.kernel;
  p.stride_height = p.stride_width = window.stride;
  p.dilation_height = p.dilation_width = 1;
  p.pad_top = p.pad_left = window.kernel / 2;
  return p;
}

std::string text(const Window& window, int32_t channels) {
  return std::to_string(window.kernel) + "x" + std::to_string(window.kernel) +
         (window.stride == 1 ? "" : "s" + std::to_string(window.stride)) + "/" + std::to_string(window.input) + "x" +
         std::to_string(window.input) + "x" + std::to_string(channels);
}

enum class Then { kRequantize, kSilu };

// Sums of `depth` random products become integers of which few are clamped.
ht_epilogue epilogue_of(Arrays& arrays, int32_t outputs, int64_t depth, Then then) {
  constexpr double kProduct = 74 * 74,
                   kOutputScale = 0.05;  // the spread of a product of random bytes, and of what becomes of a sum
  const auto count = static_cast<size_t>(outputs);
  const std::vector<double> input(count, 1 / (kProduct * std::sqrt(static_cast<double>(depth)))), output(count, kOutputScale);
  const std::vector<double> ratio(count, input[0] / kOutputScale);
  const Int8Output range{{0}, {-128}, {127}};
  const auto data = then == Then::kSilu ? activated_epilogue(Policy::kFloatHalfEven, outputs, {HT_SILU}, input, output, range)
                                        : int8_epilogue(Policy::kFloatHalfEven, outputs, ratio, range);
  return data ? arrays.keep(*data).view() : ht_epilogue{};
}

void add_conv(Arrays& arrays, const Window& window, int32_t channels, int32_t outputs, Then then = Then::kRequantize) {
  auto p = params_of<ht_conv_params>(window, channels, outputs);
  const int64_t depth = window.taps() * channels;
  p.groups = 1;
  p.input_channels = channels;
  p.output_channels = outputs;
  p.weights = arrays.bytes(depth * outputs);
  p.bias = arrays.integers(outputs, 1000);
  p.padding = arrays.bytes(channels);
  p.epilogue = epilogue_of(arrays, outputs, depth, then);
  const int64_t size = window.output_pixels() * outputs;
  add(conv_kernels(), {text(window, channels) + "-" + std::to_string(outputs) + (then == Then::kSilu ? "/silu" : ""),
                       p,
                       {arrays.bytes(window.input_pixels() * channels)},
                       size,
                       conv_units(p),
                       products(size * depth)});
}

void add_depthwise(Arrays& arrays, const Window& window, int32_t channels, Then then = Then::kRequantize) {
  auto p = params_of<ht_depthwise_params>(window, channels, channels);
  p.input_channels = channels;
  p.channel_multiplier = 1;
  p.weights = arrays.bytes(window.taps() * channels);
  p.bias = arrays.integers(channels, 1000);
  p.padding = arrays.bytes(channels);
  p.epilogue = epilogue_of(arrays, channels, window.taps(), then);
  const int64_t size = window.output_pixels() * channels;
  add(depthwise_kernels(), {text(window, channels) + (then == Then::kSilu ? "/silu" : ""),
                            p,
                            {arrays.bytes(window.input_pixels() * channels)},
                            size,
                            depthwise_units(p),
                            products(size * window.taps())});
}

void add_conv_f32(Arrays& arrays, const Window& window, int32_t channels, int32_t outputs) {
  auto p = params_of<ht_conv_f32_params>(window, channels, outputs);
  const int64_t depth = window.taps() * channels;
  p.groups = 1;
  p.input_channels = channels;
  p.output_channels = outputs;
  p.weights = arrays.floats(depth * outputs, -1, 1);
  p.minimum = -INFINITY;
  p.maximum = INFINITY;
  const int64_t size = window.output_pixels() * outputs;
  add(conv_f32_kernels(), {text(window, channels) + "-" + std::to_string(outputs),
                           p,
                           {arrays.floats(window.input_pixels() * channels, -1, 1)},
                           4 * size,
                           conv_f32_units(p),
                           float_products(size * depth)});
}

void add_depthwise_f32(Arrays& arrays, const Window& window, int32_t channels) {
  auto p = params_of<ht_depthwise_f32_params>(window, channels, channels);
  p.input_channels = channels;
  p.channel_multiplier = 1;
  p.weights = arrays.floats(window.taps() * channels, -1, 1);
  p.minimum = -INFINITY;
  p.maximum = INFINITY;
  const int64_t size = window.output_pixels() * channels;
  add(depthwise_f32_kernels(), {text(window, channels),
                                p,
                                {arrays.floats(window.input_pixels() * channels, -1, 1)},
                                4 * size,
                                depthwise_f32_units(p),
                                float_products(size * window.taps())});
}

template <class Params>
Params product_of(int32_t rows, int32_t depth, int32_t columns) {
  Params p{};
  p.batch = 1;
  p.rows = rows;
  p.columns = p.output_stride = columns;
  p.depth = p.a_stride = p.b_stride = depth;
  return p;
}

void add_gemm(Arrays& arrays, int32_t rows, int32_t depth, int32_t columns) {
  const std::string name = std::to_string(rows) + "x" + std::to_string(depth) + "x" + std::to_string(columns);
  const int64_t count = int64_t{rows} * depth * columns;
  auto p = product_of<ht_gemm_params>(rows, depth, columns);
  p.a_zero_point = 3;
  p.b_zero_point = -5;
  p.epilogue = epilogue_of(arrays, columns, depth, Then::kRequantize);
  add(gemm_kernels(), {name,
                       p,
                       {arrays.bytes(int64_t{rows} * depth), arrays.bytes(int64_t{columns} * depth)},
                       int64_t{rows} * columns,
                       gemm_units(p),
                       products(count)});
  auto f = product_of<ht_gemm_f32_params>(rows, depth, columns);
  f.alpha = 1;
  add(gemm_f32_kernels(), {name,
                           f,
                           {arrays.floats(int64_t{rows} * depth, -1, 1), arrays.floats(int64_t{columns} * depth, -1, 1)},
                           int64_t{rows} * columns * 4,
                           gemm_f32_units(f),
                           float_products(count)});
}

void add_pool(Arrays& arrays, const Window& window, int32_t channels) {
  auto p = params_of<ht_pool_params>(window, channels, channels);
  p.kind = HT_POOL_MAX;
  p.channels = channels;
  p.pad_bottom = p.pad_right = window.kernel / 2;
  const int64_t read = window.input_pixels() * channels, written = window.output_pixels() * channels;
  add(pool_kernels(), {"max" + text(window, channels), p, {arrays.bytes(read)}, written, pool_units(p), moves(read + written)});
}

void add_global_mean(Arrays& arrays, int32_t side, int32_t channels) {
  const Window window{side, side, side};
  auto p = params_of<ht_pool_params>(window, channels, channels);
  p.kind = HT_POOL_AVERAGE;
  p.channels = channels;
  p.pad_top = p.pad_left = 0;
  p.input_zero_point = arrays.bytes(channels);
  p.epilogue = epilogue_of(arrays, channels, 1, Then::kRequantize);
  const int64_t read = window.input_pixels() * channels;
  add(pool_kernels(),
      {"mean" + text(window, channels), p, {arrays.bytes(read)}, channels, pool_units(p), moves(read + channels)});
}

}  // namespace

void add_windows(Arrays& arrays) {
  for (const int32_t depth : {32, 64, 256}) add_conv(arrays, {26, 1, 1}, depth, 64);
  add_conv(arrays, {52, 1, 1}, 64, 64, Then::kSilu);
  add_conv(arrays, {28, 3, 1}, 64, 64);
  add_conv(arrays, {28, 3, 2}, 64, 128);
  add_conv(arrays, {28, 3, 1}, 64, 64, Then::kSilu);
  add_conv(arrays, {224, 3, 2}, 3, 32);
  add_conv(arrays, {224, 7, 2}, 3, 64);
  for (const int32_t kernel : {3, 5}) {
    add_depthwise(arrays, {26, kernel, 1}, 128);
    add_depthwise(arrays, {26, kernel, 2}, 128);
    add_depthwise(arrays, {26, kernel, 1}, 128, Then::kSilu);
  }
  add_conv_f32(arrays, {26, 1, 1}, 64, 64);
  add_conv_f32(arrays, {28, 3, 1}, 64, 64);
  add_depthwise_f32(arrays, {26, 3, 1}, 128);
  add_gemm(arrays, 197, 64, 197);
  add_gemm(arrays, 1, 1280, 1000);
  add_pool(arrays, {20, 5, 1}, 128);
  add_pool(arrays, {112, 3, 2}, 64);
  add_global_mean(arrays, 7, 1280);
}

}  // namespace ht::bench
