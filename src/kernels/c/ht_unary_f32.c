// SPDX-License-Identifier: Apache-2.0
#include "ht_unary_f32.h"

#include "ht_math.h"

static float clip(float x, float least, float most) { return ht_min(ht_max(x, least), most); }
static float hard_sigmoid(float x, float alpha, float beta) { return clip(alpha * x + beta, 0.0f, 1.0f); }
static float elu(float x, float alpha) {
  float below = alpha * ht_expm1(x);
  return x > 0.0f ? x : below;
}
static float celu(float x, float alpha) {
  float below = alpha * ht_expm1(x / alpha);
  return x > 0.0f ? x : below;
}
static float leaky_relu(float x, float alpha) {
  float below = alpha * x;
  return x >= 0.0f ? x : below;
}
static float sign(float x) { return x > 0.0f ? 1.0f : (x < 0.0f ? -1.0f : 0.0f); }

// One loop a function, so that each is vectorised; input and output may be the same array.
#define HT_MAP(kind, expression)          \
  case kind:                              \
    for (int32_t i = 0; i < count; ++i) { \
      const float x = in[i];              \
      out[i] = (expression);              \
    }                                     \
    break

static void map_block(const ht_unary_f32_params* p, const float* in, float* out, int32_t count) {
  const float alpha = p->alpha, beta = p->beta;
  switch (p->kind) {
    HT_MAP(HT_RELU, ht_max(x, 0.0f));
    HT_MAP(HT_CLIP, clip(x, alpha, beta));
    HT_MAP(HT_LEAKY_RELU, leaky_relu(x, alpha));
    HT_MAP(HT_SIGMOID, ht_sigmoid(x));
    HT_MAP(HT_TANH, ht_tanh(x));
    HT_MAP(HT_SILU, x * ht_sigmoid(x));
    HT_MAP(HT_HARD_SWISH, x * hard_sigmoid(x, 0.166666667f, 0.5f));
    HT_MAP(HT_HARD_SIGMOID, hard_sigmoid(x, alpha, beta));
    HT_MAP(HT_EXP, ht_exp(x));
    HT_MAP(HT_LOG, ht_log(x));
    HT_MAP(HT_SQRT, ht_sqrt(x));
    HT_MAP(HT_NEG, -x);
    HT_MAP(HT_ABS, ht_abs(x));
    HT_MAP(HT_FLOOR, ht_floor(x));
    HT_MAP(HT_CEIL, ht_ceil(x));
    HT_MAP(HT_ROUND, ht_rint(x));
    HT_MAP(HT_RECIPROCAL, 1.0f / x);
    HT_MAP(HT_ERF, ht_erf(x));
    HT_MAP(HT_GELU, ht_gelu(x));
    HT_MAP(HT_GELU_TANH, ht_gelu_tanh(x));
    HT_MAP(HT_ELU, elu(x, alpha));
    HT_MAP(HT_SELU, beta * elu(x, alpha));
    HT_MAP(HT_CELU, celu(x, alpha));
    HT_MAP(HT_SOFTPLUS, ht_softplus(x));
    HT_MAP(HT_SOFTSIGN, x / (1.0f + ht_abs(x)));
    HT_MAP(HT_MISH, ht_mish(x));
    HT_MAP(HT_THRESHOLDED_RELU, x > alpha ? x : 0.0f);
    HT_MAP(HT_SQUARE, x * x);
    HT_MAP(HT_SIGN, sign(x));
    HT_MAP(HT_SIN, ht_sin(x));
    HT_MAP(HT_COS, ht_cos(x));
    HT_MAP(HT_IDENTITY, x);
  }
}

void HT_FN(ht_unary_f32)(const ht_unary_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t first = begin * HT_UNARY_BLOCK;
  const int32_t last = end >= ht_unary_f32_units(p) ? p->count : end * HT_UNARY_BLOCK;
  if (first < last) map_block(p, (const float*)a->inputs[0] + first, (float*)a->output + first, last - first);
}
