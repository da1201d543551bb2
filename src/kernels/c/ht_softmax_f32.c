// SPDX-License-Identifier: Apache-2.0
#include "ht_math.h"
#include "ht_softmax.h"
#include "ht_sum.h"

// Adjacent elements: three vector passes.
static void softmax_adjacent(const float* in, int32_t n, int32_t logarithm, float* out) {
  const float most = ht_maximum_f32(in, n);
  if (HT_USES(HT_SOFTMAXES, HT_SOFTMAX_ADJACENT_LOG) && logarithm) {
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

enum { BESIDE = 16 };  // softmaxes whose elements lie beside each other are computed together, a lane of a vector each

static inline void softmax_beside(const float* in, int32_t n, ptrdiff_t stride, int32_t count, int32_t logarithm, float* out) {
  float most[BESIDE], shift[BESIDE], lanes[HT_LANES][BESIDE] = {{0}};
  for (int32_t v = 0; v < count; ++v) most[v] = in[v];
  for (int32_t i = 1; i < n; ++i)
    for (int32_t v = 0; v < count; ++v) most[v] = ht_max(most[v], in[i * stride + v]);
  for (int32_t i = 0; i < n; ++i) {
    float* sums = lanes[i % HT_LANES];
    float* to = out + i * stride;
    for (int32_t v = 0; v < count; ++v) {
      const float power = ht_exp(in[i * stride + v] - most[v]);
      if (!logarithm) to[v] = power;
      sums[v] += power;
    }
  }
  for (int32_t half = HT_LANES / 2; half > 0; half /= 2)
    for (int32_t l = 0; l < half; ++l)
      for (int32_t v = 0; v < count; ++v) lanes[l][v] += lanes[l + half][v];
  if (HT_USES(HT_SOFTMAXES, HT_SOFTMAX_BESIDE_LOG) && logarithm) {
    for (int32_t v = 0; v < count; ++v) shift[v] = ht_log(lanes[0][v]);
    for (int32_t i = 0; i < n; ++i)
      for (int32_t v = 0; v < count; ++v) out[i * stride + v] = (in[i * stride + v] - most[v]) - shift[v];
  } else {
    for (int32_t i = 0; i < n; ++i)
      for (int32_t v = 0; v < count; ++v) out[i * stride + v] /= lanes[0][v];
  }
}

static bool is_adjacent(const ht_softmax_f32_params* p) {
  const bool all = !HT_USES(HT_SOFTMAXES, HT_SOFTMAX_BESIDE) && !HT_USES(HT_SOFTMAXES, HT_SOFTMAX_BESIDE_LOG);
  return all || p->inner == 1;
}

void HT_FN(ht_softmax_f32)(const ht_softmax_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t unit = begin; unit < end;) {
    const int32_t place = unit % p->inner;
    const ptrdiff_t at = (ptrdiff_t)(unit / p->inner) * p->n * p->inner + place;
    const float* in = (const float*)a->inputs[0] + at;
    float* out = (float*)a->output + at;
    int32_t count = p->inner - place < end - unit ? p->inner - place : end - unit;
    if (is_adjacent(p)) {
      softmax_adjacent(in, p->n, p->logarithm, out);
    } else if (count >= BESIDE) {
      count = BESIDE;
      softmax_beside(in, p->n, p->inner, BESIDE, p->logarithm, out);
    } else {
      softmax_beside(in, p->n, p->inner, count, p->logarithm, out);
    }
    unit += count;
  }
}
