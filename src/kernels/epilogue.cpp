// SPDX-License-Identifier: Apache-2.0
#include "kernels/epilogue.h"

#include <algorithm>
#include <cmath>

#include "kernels/activation_pieces.h"
#include "kernels/c/ht_unary_f32.h"
#include "kernels/tables.h"

namespace ht {
namespace {

struct MultiplierArrays {
  std::vector<float>& real;
  std::vector<int32_t>& fixed;
  std::vector<int32_t>& shift;
};

template <class T>
const T& at(const std::vector<T>& values, int32_t channel) {
  return values[values.size() == 1 ? 0 : static_cast<size_t>(channel)];
}

Status add_multiplier(Policy policy, double ratio, MultiplierArrays to) {
  if (!std::isfinite(ratio)) return input_error("a requantization ratio is not finite; check the scales");
  switch (policy) {
    case Policy::kFloatHalfEven:
    case Policy::kFloatHalfAway:
      to.real.push_back(static_cast<float>(ratio));
      return {};
    case Policy::kFixedSingle:
    case Policy::kFixedDouble: {
      HT_ASSIGN(const FixedMultiplier multiplier, fixed_multiplier(ratio));
      to.fixed.push_back(multiplier.fixed);
      to.shift.push_back(multiplier.shift);
      return {};
    }
    case Policy::kFixedRndnu: {  // the float's 24-bit significand: value = fixed * 2^-shift
      int exponent = 0;
      const float significand = std::frexp(static_cast<float>(ratio), &exponent);
      const int32_t right = 24 - exponent;
      if (right < 1) return input_error("a requantization ratio of {} is too large for this policy; check the scales", ratio);
      to.fixed.push_back(right > 55 ? 0 : static_cast<int32_t>(significand * 16777216.0f));
      to.shift.push_back(std::min(right, 55));
      return {};
    }
    case Policy::kShiftHalfUp: {
      int exponent = 0;
      const double significand = std::frexp(ratio, &exponent);
      if (significand != 0.5 || exponent - 1 < -31 || exponent - 1 > 30)
        return input_error("a requantization ratio of {} is no power of two between 2^-31 and 2^30, which this policy needs",
                           ratio);
      to.fixed.push_back(1);
      to.shift.push_back(exponent - 1);
      return {};
    }
  }
  return {};
}

Status add_multipliers(Policy policy, int32_t channels, const std::vector<double>& ratio, MultiplierArrays to) {
  if (ratio.size() != 1 && ratio.size() != static_cast<size_t>(channels))
    return input_error("{} requantization ratios for {} channels", ratio.size(), channels);
  for (int32_t c = 0; c < channels; ++c) HT_TRY(add_multiplier(policy, at(ratio, c), to));
  return {};
}

Status set_output(int32_t channels, const Int8Output& output, EpilogueData& data) {
  for (const auto* values : {&output.zero_point, &output.minimum, &output.maximum})
    if (values->size() != 1 && values->size() != static_cast<size_t>(channels))
      return input_error("{} output parameters for {} channels", values->size(), channels);
  for (int32_t c = 0; c < channels; ++c) {
    data.zero_point.push_back(at(output.zero_point, c));
    data.minimum.push_back(at(output.minimum, c));
    data.maximum.push_back(at(output.maximum, c));
  }
  return {};
}

}  // namespace

ht_epilogue EpilogueData::view() const {
  ht_epilogue e{};
  e.output = output;
  e.policy = static_cast<int32_t>(policy);
  e.multiplier = {real.data(), fixed.data(), shift.data()};
  e.second = {second_real.data(), second_fixed.data(), second_shift.data()};
  e.scale = scale.data();
  e.zero_point = zero_point.data();
  e.minimum = minimum.data();
  e.maximum = maximum.data();
  e.activation = activation.data();
  return e;
}

Result<EpilogueData> int8_epilogue(Policy policy, int32_t channels, const std::vector<double>& ratio, const Int8Output& output) {
  EpilogueData data;
  data.output = HT_OUTPUT_S8;
  data.policy = policy;
  HT_TRY(add_multipliers(policy, channels, ratio, {data.real, data.fixed, data.shift}));
  HT_TRY(set_output(channels, output, data));
  return data;
}

bool has_s16_form(Policy policy) { return policy != Policy::kFixedRndnu && policy != Policy::kShiftHalfUp; }

Result<EpilogueData> s16_epilogue(Policy policy, int32_t channels, const std::vector<double>& ratio) {
  if (!has_s16_form(policy)) return unsupported("sums of 16-bit activations cannot be requantized under this policy");
  EpilogueData data;
  data.output = HT_OUTPUT_S16;
  data.policy = policy;
  HT_TRY(add_multipliers(policy, channels, ratio, {data.real, data.fixed, data.shift}));
  for (size_t c = 0; c < data.fixed.size(); ++c) {
    constexpr int32_t kMost = 0x7fff;  // 15 bits of the multiplier
    const int32_t right = 15 - data.shift[c];
    if (right < 1) return input_error("a requantization ratio is too large for 16-bit activations; check the scales");
    data.fixed[c] = std::min(static_cast<int32_t>((int64_t{data.fixed[c]} + (1 << 15)) >> 16), kMost);
    data.shift[c] = right;
  }
  return data;
}

Result<EpilogueData> float_epilogue(int32_t channels, const std::vector<double>& scale) {
  EpilogueData data;
  data.output = HT_OUTPUT_F32;
  if (scale.size() != 1 && scale.size() != static_cast<size_t>(channels))
    return input_error("{} scales for {} channels", scale.size(), channels);
  for (int32_t c = 0; c < channels; ++c) data.scale.push_back(static_cast<float>(at(scale, c)));
  return data;
}

Result<EpilogueData> activated_epilogue(Policy policy, int32_t channels, const ActivationFunction& function,
                                        const std::vector<double>& input_scale, const std::vector<double>& output_scale,
                                        const Int8Output& output) {
  if (!has_activation_form(function.kind)) return unsupported("no integer form of activation {}", function.kind);
  for (const auto* scales : {&input_scale, &output_scale})
    if (scales->size() != 1 && scales->size() != static_cast<size_t>(channels))
      return input_error("{} scales for {} channels", scales->size(), channels);
  EpilogueData data;
  data.policy = policy;
  const MultiplierArrays first{data.real, data.fixed, data.shift};
  const MultiplierArrays second{data.second_real, data.second_fixed, data.second_shift};
  const bool leaky = function.kind == HT_LEAKY_RELU;
  data.output = leaky ? HT_OUTPUT_LEAKY : HT_OUTPUT_ACTIVATED;
  const double unit = std::ldexp(1.0, HT_ACTIVATION_BITS);
  for (int32_t c = 0; c < channels; ++c) {
    const double in = at(input_scale, c), out = at(output_scale, c);
    HT_TRY(add_multiplier(policy, leaky ? in / out : in * unit, first));
    HT_TRY(add_multiplier(policy, leaky ? in / out * static_cast<double>(function.alpha) : 1.0 / (unit * out), second));
  }
  if (!leaky) {
    data.activation.push_back(activation_pieces(function));
    // Keeps slope * r within 32 bits; only an unusual alpha goes beyond.
    const ht_activation& pieces = data.activation.front();
    for (size_t i = 0; i < HT_ACTIVATION_PIECES; ++i)
      if (std::abs(pieces.slope[i]) + std::abs(pieces.curve[i]) > 65535)
        return unsupported("the activation is too steep for its integer form (slope of 2 or more); keep it in float");
  }
  HT_TRY(set_output(channels, output, data));
  return data;
}

}  // namespace ht
