// SPDX-License-Identifier: Apache-2.0
// The layers that are measured.
#pragma once

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

}  // namespace ht::bench
