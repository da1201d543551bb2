// SPDX-License-Identifier: Apache-2.0
// The layers that are measured, and those that are compared only.
#pragma once

#include <random>
#include <span>
#include <string_view>
#include <variant>

#include "kernels/c/ht_conv.h"
#include "kernels/c/ht_depthwise.h"

namespace ht::bench {

struct Shape {
  std::string_view name;
  std::variant<ht_conv_params, ht_depthwise_params> params;  // without arrays
};

std::span<const Shape> shapes();

// Small layers with odd sizes, strides, dilations, groups and borders.
Shape random_shape(std::mt19937& engine);
int32_t random_integer(std::mt19937& engine, int32_t low, int32_t high);

}  // namespace ht::bench
