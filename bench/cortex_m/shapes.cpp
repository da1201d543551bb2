// SPDX-License-Identifier: Apache-2.0
#include "shapes.h"

#include <vector>

namespace ht::bench {
namespace {

struct Size {
  int32_t height, width;
};

// What both kinds of convolution call by the same names.
template <class Params>
Params window(Size input, int32_t channels, Size kernel, int32_t stride, Size pad, Size output) {
  Params p{};
  p.batch = 1;
  p.input_height = input.height, p.input_width = input.width;
  p.input_channels = p.input_stride = channels;
  p.output_height = output.height, p.output_width = output.width;
  p.kernel_height = kernel.height, p.kernel_width = kernel.width;
  p.stride_height = p.stride_width = stride;
  p.dilation_height = p.dilation_width = 1;
  p.pad_top = pad.height, p.pad_left = pad.width;
  return p;
}

ht_conv_params conv(Size input, int32_t from, int32_t to, Size kernel, int32_t stride, Size pad, Size output) {
  auto p = window<ht_conv_params>(input, from, kernel, stride, pad, output);
  p.output_channels = p.output_stride = to;
  p.groups = 1;
  return p;
}

ht_conv_params pointwise(Size size, int32_t from, int32_t to) { return conv(size, from, to, {1, 1}, 1, {0, 0}, size); }

ht_depthwise_params depthwise(Size size, int32_t channels) {
  auto p = window<ht_depthwise_params>(size, channels, {3, 3}, 1, {1, 1}, size);
  p.output_stride = channels;
  p.channel_multiplier = 1;
  return p;
}

template <class Params>
Params random_window(std::mt19937& engine, int32_t channels) {
  const auto pick = [&engine](int32_t low, int32_t high) { return random_integer(engine, low, high); };
  const Size input{pick(1, 7), pick(1, 7) * (pick(0, 7) == 0 ? 6 : 1)}, kernel{pick(0, 2) == 0 ? pick(1, 5) : 3, pick(0, 2) == 0 ? pick(1, 5) : 3};
  const int32_t stride = pick(1, 2);
  const Size pad{kernel.height / 2, kernel.width / 2}, output{(input.height - 1) / stride + 1, (input.width - 1) / stride + 1};
  auto p = window<Params>(input, channels, kernel, stride, pad, output);
  p.batch = pick(1, 2);
  p.input_stride += pick(0, 3) == 0 ? 3 : 0;
  p.dilation_height = pick(0, 3) == 0 ? 2 : 1;
  p.dilation_width = pick(0, 3) == 0 ? 2 : 1;
  return p;
}

}  // namespace

int32_t random_integer(std::mt19937& engine, int32_t low, int32_t high) {
  return low + static_cast<int32_t>(engine() % static_cast<uint32_t>(high - low + 1));
}

Shape random_shape(std::mt19937& engine) {
  const auto pick = [&engine](int32_t low, int32_t high) { return random_integer(engine, low, high); };
  if (pick(0, 2) == 0) {
    auto p = random_window<ht_depthwise_params>(engine, pick(1, 20));
    p.channel_multiplier = pick(0, 4) == 0 ? 2 : 1;
    p.output_stride = p.input_channels * p.channel_multiplier + pick(0, 1);
    return {"depthwise", p};
  }
  const int32_t groups = pick(0, 3) == 0 ? 2 : 1, channels = (pick(0, 1) == 0 ? pick(1, 5) : pick(1, 60)) * groups;
  auto p = random_window<ht_conv_params>(engine, channels);
  if (pick(0, 1) == 0) {
    p.kernel_height = p.kernel_width = 1;
    p.pad_top = p.pad_left = 0;
  }
  p.groups = groups;
  p.output_channels = pick(1, 18) * groups;
  p.output_stride = p.output_channels + pick(0, 1);
  return {"conv", p};
}

std::span<const Shape> shapes() {
  static const std::vector<Shape> all{
      {"conv 3x3 16->32 @32x32", conv({32, 32}, 16, 32, {3, 3}, 1, {1, 1}, {32, 32})},
      {"conv 3x3 16->16 @32x32", conv({32, 32}, 16, 16, {3, 3}, 1, {1, 1}, {32, 32})},
      {"conv 3x3 32->64 stride 2, out 7x7", conv({14, 14}, 32, 64, {3, 3}, 2, {0, 0}, {7, 7})},
      {"conv 3x3 3->8 stride 2 @96x96", conv({96, 96}, 3, 8, {3, 3}, 2, {0, 0}, {48, 48})},
      {"conv 10x4 1->64", conv({49, 10}, 1, 64, {10, 4}, 2, {4, 1}, {25, 5})},
      {"pointwise 64->64 @25x5", pointwise({25, 5}, 64, 64)},
      {"pointwise 8->16 @48x48", pointwise({48, 48}, 8, 16)},
      {"pointwise 128->128 @6x6", pointwise({6, 6}, 128, 128)},
      {"depthwise 3x3 64 @25x5", depthwise({25, 5}, 64)},
      {"depthwise 3x3 8 @48x48", depthwise({48, 48}, 8)},
      {"fully connected 128->128", pointwise({1, 1}, 128, 128)},
      {"fully connected 640->100", pointwise({1, 1}, 640, 100)},
  };
  return all;
}

}  // namespace ht::bench
