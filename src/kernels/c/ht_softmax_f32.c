// SPDX-License-Identifier: Apache-2.0
#include "ht_math.h"
#include "ht_softmax.h"
#include "ht_sum.h"

// Adjacent elements: three vector passes.
static void softmax_adjacent(const float* in, int32_t n, int32_t logarithm, float* out) {
  const float most = ht_maximum_f32(in, n);
  if (logarithm) {
    float lanes[HT_LANES] = {0};
    int32_t i = 0;
    for (; i + HT_LANES <= n; i += HT_LANES)
      for (int32_t l = 0; l < HT_LANES; ++l) lanes[l] += ht_exp(in[i + l] - most);
    for (int32_t l = 0; i < n; ++i, ++l) lanes[l] += ht_exp(in[i] - most);
    const float shift = ht_log(ht_add_lanes(lanes));
    for (i = 0; i < n; ++i) out[i] = (in[i] - most) - shift;
    return;
  }
  for (int32_t i = 0; i < n; ++i) out[i] = ht_exp(in[i] - most);
  const float sum = ht_sum_f32(out, n);
  for (int32_t i = 0; i < n; ++i) out[i] = out[i] / sum;
}

void HT_FN(ht_softmax_f32)(const ht_softmax_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t unit = begin; unit < end; ++unit) {
    const ptrdiff_t at = (ptrdiff_t)(unit / p->inner) * p->n * p->inner + unit % p->inner;
    const float* in = (const float*)a->inputs[0] + at;
    float* out = (float*)a->output + at;
    if (p->inner == 1) {
      softmax_adjacent(in, p->n, p->logarithm, out);
      continue;
    }
    float most = in[0];
    for (int32_t i = 1; i < p->n; ++i) most = ht_max(most, in[(ptrdiff_t)i * p->inner]);
    float lanes[HT_LANES] = {0};
    for (int32_t i = 0; i < p->n; ++i) lanes[i % HT_LANES] += ht_exp(in[(ptrdiff_t)i * p->inner] - most);
    const float sum = ht_add_lanes(lanes);
    const float shift = ht_log(sum);
    for (int32_t i = 0; i < p->n; ++i) {
      const float x = in[(ptrdiff_t)i * p->inner] - most;
      out[(ptrdiff_t)i * p->inner] = p->logarithm ? x - shift : ht_exp(x) / sum;
    }
  }
}
