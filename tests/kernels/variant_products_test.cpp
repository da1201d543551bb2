// SPDX-License-Identifier: Apache-2.0
// The largest products, of which two or more may not fit where a variant adds them first.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/epilogue.h"
#include "kernels/registry.h"
#include "variants.h"

namespace ht::test {
namespace {

std::vector<int8_t> extremes(Random& random, size_t count, int8_t least) {
  std::vector<int8_t> values(count);
  for (int8_t& value : values) value = random.coin() ? least : INT8_MAX;
  return values;
}

TEST(LargestProducts, Convolution) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ht_conv_params p{};
    p.batch = random.integer(1, 2);
    p.groups = random.integer(1, 3);
    p.input_channels = p.groups * (random.coin() ? 8 * random.integer(1, 6) : random.integer(1, 40));
    p.output_channels = p.groups * random.integer(1, 40);
    p.input_stride = p.input_channels + random.integer(0, 1) * 5;
    p.output_stride = p.output_channels + random.integer(0, 1) * 3;
    p.input_height = random.integer(1, 9);
    p.input_width = random.integer(1, 20);
    p.kernel_height = p.kernel_width = p.stride_height = p.stride_width = p.dilation_height = p.dilation_width = 1;
    p.output_height = p.input_height;
    p.output_width = p.input_width;
    if (random.coin()) {
      p.kernel_height = random.integer(1, 4);
      p.kernel_width = random.integer(1, 4);
      p.stride_height = random.integer(1, 2);
      p.stride_width = random.integer(1, 2);
      p.dilation_height = random.integer(1, 2);
      p.dilation_width = random.integer(1, 2);
      p.pad_top = random.integer(0, 4);
      p.pad_left = random.integer(0, 4);
      p.output_height = random.integer(1, 9);
      p.output_width = random.integer(1, 20);
    }
    const auto depth = static_cast<size_t>(p.kernel_height * p.kernel_width * p.input_channels / p.groups);
    const auto outputs = static_cast<size_t>(p.output_channels);
    const auto input = extremes(random, static_cast<size_t>(p.batch * p.input_height * p.input_width * p.input_stride), -128),
               padding = extremes(random, static_cast<size_t>(p.input_channels), -128);
    auto weights = extremes(random, depth * outputs, seed % 3 == 0 ? -128 : -127);
    if (seed % 3 == 1) std::fill_n(weights.rbegin(), depth, int8_t{-128});  // in the last channel alone
    const auto bias = random.integers(outputs, -200000, 200000);
    const EpilogueData data = *float_epilogue(p.output_channels, {1});
    p.weights = weights.data();
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = data.view();
    compare<ht_conv_params>(random, conv_kernels(), p, {input.data()},
                            static_cast<size_t>(p.batch * p.output_height * p.output_width * p.output_stride) * 4, conv_units(p));
  }
}

TEST(LargestProducts, Depthwise) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const int32_t channels = random.integer(1, 60), size = random.integer(1, 20), kernel = random.integer(1, 5);
    const auto count = static_cast<size_t>(channels);
    ht_depthwise_params p{};
    p.batch = p.channel_multiplier = p.stride_height = p.stride_width = p.dilation_height = p.dilation_width = 1;
    p.input_height = p.input_width = p.output_height = p.output_width = size;
    p.input_channels = p.input_stride = p.output_stride = channels;
    p.kernel_height = p.kernel_width = kernel;
    p.pad_top = p.pad_left = kernel / 2;
    const auto input = extremes(random, static_cast<size_t>(size * size) * count, -128), padding = extremes(random, count, -128),
               weights = extremes(random, static_cast<size_t>(kernel * kernel) * count, seed % 2 == 0 ? -127 : -128);
    const auto bias = random.integers(count, -20000, 20000);
    const EpilogueData data = *float_epilogue(channels, {1});
    p.weights = weights.data();
    p.bias = bias.data();
    p.padding = padding.data();
    p.epilogue = data.view();
    compare<ht_depthwise_params>(random, depthwise_kernels(), p, {input.data()}, static_cast<size_t>(size * size) * count * 4,
                                 depthwise_units(p));
  }
}

}  // namespace
}  // namespace ht::test
