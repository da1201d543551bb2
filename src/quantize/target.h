// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ir/type.h"

namespace ht {

enum class ChannelScales : uint8_t {
  kNever,
  kAbsorbed,   // where the requantization or the weights of all readers take them up
  kDepthwise,  // where only depthwise convolutions read; elsewhere through an explicit Mul in float
  kMultiply,   // through an explicit Mul in float
};

// What a target can do, as its file in targets/ says.
struct Target {
  std::string name;
  DType activations = DType::kInt8;
  bool symmetric = false;
  ChannelScales channel_scales = ChannelScales::kNever;
  bool quantize_before_activation = false;
  std::string requantization;
  bool short_multipliers = false;  // whether weight scales and biases are such that a channel takes some two bytes beside its weights (short_multipliers.h)
  bool integer_outputs = false;  // whether a quantized head's products give integers too
  double float_share = 0;  // of what all products cost that may stay in float where that helps the heads most
};

// A file of targets/. Fails for keys and values that are not known.
Result<Target> parse_target(std::string_view text);

// The targets that are built in, and those that are known but not built yet.
std::vector<std::string_view> target_names();
// kUnsupported for one that is not built yet, kUsage for an unknown name.
Result<Target> find_target(std::string_view name);

}  // namespace ht
