// SPDX-License-Identifier: Apache-2.0
// The integers of a kernel's epilogue, derived on the host in double. docs/NUMERICS.md defines each of them.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "kernels/c/ht_epilogue.h"

namespace ht {

enum class Policy {
  kFloatHalfEven = HT_FLOAT_HALF_EVEN,
  kFixedSingle = HT_FIXED_SINGLE,
  kFixedDouble = HT_FIXED_DOUBLE,
  kFixedRndnu = HT_FIXED_RNDNU,
  kShiftHalfUp = HT_SHIFT_HALF_UP,
  kFloatHalfAway = HT_FLOAT_HALF_AWAY,
};

// The arrays behind an ht_epilogue.
struct EpilogueData {
  int32_t output = HT_OUTPUT_S32;
  Policy policy = Policy::kFloatHalfEven;
  std::vector<float> real, second_real;
  std::vector<int32_t> fixed, shift, second_fixed, second_shift;
  std::vector<float> scale;
  std::vector<int8_t> zero_point, minimum, maximum;
  std::vector<ht_activation> activation;  // none or one

  ht_epilogue view() const;  // valid as long as this object is
};

// One entry a channel in each; a vector of one entry stands for all `channels`.
struct Int8Output {
  std::vector<int8_t> zero_point, minimum, maximum;
};

// sum * ratio + zero point. To equal ONNX Runtime a ratio is the float (input scale * weight scale) / output scale,
// each step rounded to float.
Result<EpilogueData> int8_epilogue(Policy policy, int32_t channels, const std::vector<double>& ratio, const Int8Output& output);

// As int8_epilogue for sums of int16 inputs and int16 outputs; zero points and clamps stand in the kernel's own parameters.
// kUnsupported for policies that have no such form (has_s16_form).
bool has_s16_form(Policy policy);
Result<EpilogueData> s16_epilogue(Policy policy, int32_t channels, const std::vector<double>& ratio);

// float(sum) * scale
Result<EpilogueData> float_epilogue(int32_t channels, const std::vector<double>& scale);

// A function of a real number, by its kind in ht_unary_f32.h.
struct ActivationFunction {
  int32_t kind;
  float alpha = 0, beta = 0;
};

bool has_activation_form(int32_t kind);  // whether activated_epilogue takes it
double evaluate_activation(const ActivationFunction& function, double x);

// function(sum * input_scale) / output_scale + zero point, the function evaluated in fixed point (no range is needed).
Result<EpilogueData> activated_epilogue(Policy policy, int32_t channels, const ActivationFunction& function,
                                        const std::vector<double>& input_scale, const std::vector<double>& output_scale,
                                        const Int8Output& output);

}  // namespace ht
