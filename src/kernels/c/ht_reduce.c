// SPDX-License-Identifier: Apache-2.0
#include "ht_reduce.h"

#include "ht_math.h"
#include "ht_sum.h"

static float addend(int32_t kind, float x, float most) {
  switch (kind) {
    case HT_REDUCE_L1:
      return ht_abs(x);
    case HT_REDUCE_L2:
    case HT_REDUCE_SUM_SQUARE:
      return x * x;
    case HT_REDUCE_LOG_SUM_EXP:
      return ht_exp(x - most);
    default:
      return x;
  }
}

static float extreme(int32_t kind, const float* in, int32_t n, ptrdiff_t step) {
  float result = in[0];
  for (int32_t i = 1; i < n; ++i) {
    const float x = in[i * step];
    result = kind == HT_REDUCE_MIN ? ht_min(result, x) : (kind == HT_REDUCE_PROD ? result * x : ht_max(result, x));
  }
  return result;
}

static float reduce(int32_t kind, const float* in, int32_t n, ptrdiff_t step) {
  if (kind == HT_REDUCE_MAX || kind == HT_REDUCE_MIN || kind == HT_REDUCE_PROD) return extreme(kind, in, n, step);
  const float most = kind == HT_REDUCE_LOG_SUM_EXP ? extreme(HT_REDUCE_MAX, in, n, step) : 0.0f;
  float lanes[HT_LANES] = {0};
  for (int32_t i = 0; i < n; ++i) lanes[i % HT_LANES] += addend(kind, in[i * step], most);
  const float sum = ht_add_lanes(lanes);
  switch (kind) {
    case HT_REDUCE_MEAN:
      return sum / (float)n;
    case HT_REDUCE_L2:
      return ht_sqrt(sum);
    case HT_REDUCE_LOG_SUM:
      return ht_log(sum);
    case HT_REDUCE_LOG_SUM_EXP:
      return ht_log(sum) + most;
    default:
      return sum;
  }
}

void HT_FN(ht_reduce_f32)(const ht_reduce_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  float* out = (float*)a->output;
  for (int32_t unit = begin; unit < end; ++unit) {
    const float* in = (const float*)a->inputs[0] + (ptrdiff_t)(unit / p->inner) * p->n * p->inner + unit % p->inner;
    const bool plain_sum = p->inner == 1 && (p->kind == HT_REDUCE_SUM || p->kind == HT_REDUCE_MEAN);
    if (plain_sum) {
      const float sum = ht_sum_f32(in, p->n);
      out[unit] = p->kind == HT_REDUCE_MEAN ? sum / (float)p->n : sum;
    } else {
      out[unit] = reduce(p->kind, in, p->n, p->inner);
    }
  }
}
