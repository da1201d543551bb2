// SPDX-License-Identifier: Apache-2.0
#include "quantize/target.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "quantize/target_files.h"

namespace ht {
namespace {

constexpr std::array<std::string_view, 4> kPlanned = {"tensorrt", "tflite", "dpu", "matlab"};

Result<toml::table> parse(std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    return input_error("the target's description cannot be parsed: {}", error.description());
  }
}

constexpr std::array<std::string_view, 9> kKeys = {"name",           "activations",     "symmetric",  "channel_scales", "quantize_before_activation",
                                                   "requantization", "integer_outputs", "float_share", "short_multipliers"};
constexpr std::array<std::string_view, 4> kScales = {"never", "absorbed", "depthwise", "multiply"};
constexpr std::array<std::string_view, 2> kPolicies = {"float-half-even", "fixed-single"};

// The key's value, or `fallback` where the key is not there. A whole number may stand for a real one, but not for a boolean.
template <class T>
Result<T> value_of(const toml::table& table, std::string_view key, T fallback) {
  if (!table.contains(key)) return fallback;
  const std::optional<T> value = std::is_same_v<T, bool> ? table[key].value_exact<T>() : table[key].value<T>();
  if (!value) return input_error("the target's key `{}` has a value of the wrong type", key);
  return *value;
}

}  // namespace

std::vector<std::string_view> target_names() {
  std::vector<std::string_view> names;
  for (const TargetFile& file : kTargetFiles) names.push_back(file.name);
  return names;
}

Result<Target> parse_target(std::string_view text) {
  HT_ASSIGN(const toml::table table, parse(text));
  Target target;
  HT_ASSIGN(target.name, value_of(table, "name", std::string()));
  const auto refuse = [&](std::string_view key) {
    return input_error("the target's key `{}` is missing or has a value that is not known", key).in("target " + target.name);
  };
  for (const auto& [key, value] : table)
    if (std::ranges::find(kKeys, key.str()) == kKeys.end())
      return input_error("`{}` is no key of a target; there are {}", key.str(), fmt::join(kKeys, ", ")).in("target " + target.name);
  if (target.name.empty()) return refuse("name");
  HT_ASSIGN(const std::string type, value_of(table, "activations", std::string()));
  const auto activations = dtype_from_name(type);
  if (activations != DType::kInt8 && activations != DType::kUint8) return refuse("activations");
  target.activations = *activations;
  HT_ASSIGN(target.symmetric, value_of(table, "symmetric", false));
  HT_ASSIGN(target.quantize_before_activation, value_of(table, "quantize_before_activation", false));
  HT_ASSIGN(target.integer_outputs, value_of(table, "integer_outputs", false));
  HT_ASSIGN(target.short_multipliers, value_of(table, "short_multipliers", false));
  HT_ASSIGN(target.requantization, value_of(table, "requantization", std::string()));
  if (std::ranges::find(kPolicies, target.requantization) == kPolicies.end()) return refuse("requantization");
  HT_ASSIGN(target.float_share, value_of(table, "float_share", 0.0));
  if (!(target.float_share >= 0 && target.float_share <= 1)) return refuse("float_share");
  HT_ASSIGN(const std::string channels, value_of(table, "channel_scales", std::string("never")));
  const auto scales = std::ranges::find(kScales, channels);
  if (scales == kScales.end()) return refuse("channel_scales");
  target.channel_scales = static_cast<ChannelScales>(scales - kScales.begin());
  return target;
}

Result<Target> find_target(std::string_view name) {
  for (const TargetFile& file : kTargetFiles)
    if (file.name == name) return parse_target(file.text);
  if (std::ranges::find(kPlanned, name) != kPlanned.end())
    return unsupported("the target {} is not built yet; there are {}", name, fmt::join(target_names(), ", "));
  return usage_error("there is no target {}; there are {}", name, fmt::join(target_names(), ", "));
}

}  // namespace ht
