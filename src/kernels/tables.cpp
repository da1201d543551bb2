// SPDX-License-Identifier: Apache-2.0
#include "kernels/tables.h"

#include <algorithm>
#include <cmath>

#include "kernels/c/ht_binary.h"
#include "kernels/c/ht_requantize.h"

namespace ht {

std::array<int8_t, 256> int8_table(const std::function<double(double)>& function, double input_scale, int32_t input_zero_point,
                                   double output_scale, int32_t output_zero_point) {
  std::array<int8_t, 256> table{};
  for (int32_t q = -128; q < 128; ++q) {
    const double y = function((q - input_zero_point) * input_scale) / output_scale;
    const double bounded = std::isnan(y) ? 0.0 : std::clamp(y, -1024.0, 1024.0);
    const double rounded = std::nearbyint(bounded) + output_zero_point;
    table[static_cast<size_t>(q + 128)] = static_cast<int8_t>(std::clamp(rounded, -128.0, 127.0));
  }
  return table;
}

std::array<uint32_t, 256> softmax_exponentials(double input_scale) {
  std::array<uint32_t, 256> table{};
  for (size_t d = 0; d < table.size(); ++d)
    table[d] = static_cast<uint32_t>(std::nearbyint(std::exp(-input_scale * static_cast<double>(d)) * 65536.0));
  return table;
}

Result<FixedMultiplier> fixed_multiplier(double ratio) {
  FixedMultiplier result{};
  if (!std::isfinite(ratio) || !ht_quantize_multiplier(ratio, &result.fixed, &result.shift))
    return input_error("a requantization ratio of {} does not fit into a fixed-point multiplier; check the scales", ratio);
  return result;
}

Result<BinaryMultipliers> binary_multipliers(int32_t kind, double a_ratio, double b_ratio) {
  if (kind == HT_MUL) b_ratio = 0;
  const double largest = std::max(std::abs(a_ratio), std::abs(b_ratio));
  HT_ASSIGN(const FixedMultiplier common, fixed_multiplier(largest));
  const double unit = std::ldexp(1.0, 31 - common.shift);
  const auto fixed = [&](double ratio) {
    return static_cast<int32_t>(std::clamp(std::round(ratio * unit), -2147483647.0, 2147483647.0));
  };
  return BinaryMultipliers{fixed(a_ratio), fixed(b_ratio), common.shift};
}

}  // namespace ht
