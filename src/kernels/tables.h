// SPDX-License-Identifier: Apache-2.0
// Tables that kernels read, derived on the host in double.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"

namespace ht {

// table[q + 128] = clamp(round_half_even(function((q - input_zero_point) * input_scale) / output_scale) + output_zero_point).
std::array<int8_t, 256> int8_table(const std::function<double(double)>& function, double input_scale, int32_t input_zero_point,
                                   double output_scale, int32_t output_zero_point);

// exponentials[d] of ht_softmax for inputs of this scale.
std::array<uint32_t, 256> softmax_exponentials(double input_scale);

// ratio ~ fixed * 2^(shift - 31) with 2^30 <= |fixed| < 2^31, round half away, as TFLite and CMSIS-NN derive it.
// Fails when the ratio is not finite or its shift is outside [-31, 30]; too small ones become 0.
struct FixedMultiplier {
  int32_t fixed;
  int32_t shift;
};
Result<FixedMultiplier> fixed_multiplier(double ratio);

// The pair of HT_FIXED_SINGLE in ht_binary (add, sub): both ratios with one shift. For mul only `a` counts.
struct BinaryMultipliers {
  int32_t a_fixed, b_fixed, shift;
};
Result<BinaryMultipliers> binary_multipliers(int32_t kind, double a_ratio, double b_ratio);

}  // namespace ht
