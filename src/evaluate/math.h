// SPDX-License-Identifier: Apache-2.0
// Every function of the heads whose value is not exact by IEEE 754: those of the normative kernels.
#pragma once

#include <cstdint>

#include "kernels/c/ht_math.h"

namespace ht::math {

inline float exp(float x) { return ht_exp(x); }
inline float tanh(float x) { return ht_tanh(x); }
inline float sigmoid(float x) { return ht_sigmoid(x); }
inline float power(float base, float exponent) { return ht_pow(base, exponent); }

// The mean of 0, 1, 2, ... weighted by softmax of the logits, which stand `step` elements apart: summed in their order.
inline float softmax_mean(const float* logits, int64_t count, int64_t step) {
  float highest = logits[0];
  for (int64_t i = 1; i < count; ++i) highest = logits[i * step] > highest ? logits[i * step] : highest;
  float weights = 0;
  float total = 0;
  for (int64_t i = 0; i < count; ++i) {
    const float weight = exp(logits[i * step] - highest);
    weights += weight;
    total += weight * static_cast<float>(i);
  }
  return total / weights;
}

}  // namespace ht::math
