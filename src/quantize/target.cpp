// SPDX-License-Identifier: Apache-2.0
#include "quantize/target.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "quantize/target_files.h"

namespace ht {
namespace {

constexpr std::array<std::string_view, 5> kPlanned = {"openvino", "tensorrt", "tflite", "dpu", "matlab"};

Result<toml::table> parse(std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    return input_error("the target's description cannot be parsed: {}", error.description());
  }
}

Result<Target> parse_target(std::string_view text) {
  HT_ASSIGN(const toml::table table, parse(text));
  Target target;
  target.name = table["name"].value_or(std::string());
  const auto activations = dtype_from_name(table["activations"].value_or(std::string_view()));
  if (!activations) return input_error("the target's key `activations` names no type").in(target.name);
  target.activations = *activations;
  target.symmetric = table["symmetric"].value_or(false);
  target.quantize_before_activation = table["quantize_before_activation"].value_or(false);
  target.requantization = table["requantization"].value_or(std::string());
  target.integer_outputs = table["integer_outputs"].value_or(false);
  target.float_share = table["float_share"].value_or(0.0);
  constexpr std::array<std::string_view, 3> kScales = {"never", "absorbed", "multiply"};
  const auto scales = std::ranges::find(kScales, table["channel_scales"].value_or(std::string_view("never")));
  if (scales == kScales.end()) return input_error("the target's key `channel_scales` has an unknown value").in(target.name);
  target.channel_scales = static_cast<ChannelScales>(scales - kScales.begin());
  return target;
}

}  // namespace

std::vector<std::string_view> target_names() {
  std::vector<std::string_view> names;
  for (const TargetFile& file : kTargetFiles) names.push_back(file.name);
  return names;
}

Result<Target> find_target(std::string_view name) {
  for (const TargetFile& file : kTargetFiles)
    if (file.name == name) return parse_target(file.text);
  if (std::ranges::find(kPlanned, name) != kPlanned.end())
    return unsupported("the target {} is not built yet; there are {}", name, fmt::join(target_names(), ", "));
  return usage_error("there is no target {}; there are {}", name, fmt::join(target_names(), ", "));
}

}  // namespace ht
