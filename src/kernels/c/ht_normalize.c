// SPDX-License-Identifier: Apache-2.0
#include "ht_normalize.h"

#include "ht_math.h"
#include "ht_sum.h"

// The sum of (x - mean)^2.
static float squares(const float* x, int32_t n, float mean) {
  float lanes[HT_LANES] = {0};
  int32_t i = 0;
  for (; i + HT_LANES <= n; i += HT_LANES)
    for (int32_t l = 0; l < HT_LANES; ++l) lanes[l] += (x[i + l] - mean) * (x[i + l] - mean);
  for (int32_t l = 0; i < n; ++i, ++l) lanes[l] += (x[i] - mean) * (x[i] - mean);
  return ht_add_lanes(lanes);
}

void HT_FN(ht_normalize_f32)(const ht_normalize_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t row = begin; row < end; ++row) {
    const float* HT_RESTRICT x = (const float*)a->inputs[0] + (ptrdiff_t)row * p->n;
    float* HT_RESTRICT out = (float*)a->output + (ptrdiff_t)row * p->n;
    const float mean = p->subtract_mean ? ht_sum_f32(x, p->n) / (float)p->n : 0.0f;
    const float deviation = ht_sqrt(squares(x, p->n, mean) / (float)p->n + p->epsilon);
    for (int32_t i = 0; i < p->n; ++i) out[i] = (x[i] - mean) / deviation;
  }
}
