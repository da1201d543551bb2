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

}  // namespace

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
