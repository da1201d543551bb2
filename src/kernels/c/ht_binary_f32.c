// SPDX-License-Identifier: Apache-2.0
#include "ht_binary.h"
#include "ht_math.h"

enum { HT_BINARY_F32_BLOCK = 64 };

static const float* load(const float* from, int32_t stride, int32_t count, float* block) {
  if (stride == 1) return from;
  for (int32_t i = 0; i < count; ++i) block[i] = from[(ptrdiff_t)i * stride];
  return block;
}

static float prelu(float x, float y) {
  float below = x * y;
  return x >= 0.0f ? x : below;
}

// One loop a function, so that each is vectorised; the output may be one of the inputs.
#define HT_COMBINE(kind, expression)      \
  case kind:                              \
    for (int32_t i = 0; i < count; ++i) { \
      const float x = a[i], y = b[i];     \
      out[i] = (expression);              \
    }                                     \
    break

static void combine(int32_t kind, const float* a, const float* b, int32_t count, float* out) {
  switch (kind) {
    HT_COMBINE(HT_ADD, x + y);
    HT_COMBINE(HT_SUB, x - y);
    HT_COMBINE(HT_MUL, x * y);
    HT_COMBINE(HT_DIV, x / y);
    HT_COMBINE(HT_MIN, ht_min(x, y));
    HT_COMBINE(HT_MAX, ht_max(x, y));
    HT_COMBINE(HT_POW, ht_pow(x, y));
    HT_COMBINE(HT_PRELU, prelu(x, y));
    HT_COMBINE(HT_FMOD, ht_fmod(x, y));
  }
}

void HT_FN(ht_binary_f32)(const ht_binary_f32_params* p, const ht_arguments* arguments, int32_t begin, int32_t end) {
  const ht_broadcast* s = &p->shape;
  const int32_t n = s->shape[s->rank - 1], a_stride = s->a_stride[s->rank - 1], b_stride = s->b_stride[s->rank - 1];
  float a_block[HT_BINARY_F32_BLOCK], b_block[HT_BINARY_F32_BLOCK];
  if (begin < end && ht_broadcast_gapless(s)) {
    const ptrdiff_t at = (ptrdiff_t)begin * n;
    combine(p->kind, (const float*)arguments->inputs[0] + at, (const float*)arguments->inputs[1] + at, (end - begin) * n,
            (float*)arguments->output + at);
    return;
  }
  for (int32_t row = begin; row < end; ++row) {
    ptrdiff_t a_at, b_at, output_at;
    ht_broadcast_locate(s, row, &a_at, &b_at, &output_at);
    const float* a = (const float*)arguments->inputs[0] + a_at;
    const float* b = (const float*)arguments->inputs[1] + b_at;
    float* out = (float*)arguments->output + output_at;
    const int32_t block = a_stride == 1 && b_stride == 1 ? n : HT_BINARY_F32_BLOCK;
    for (int32_t i = 0; i < n; i += block) {
      const int32_t count = n - i < block ? n - i : block;
      const float* x = load(a + (ptrdiff_t)i * a_stride, a_stride, count, a_block);
      const float* y = load(b + (ptrdiff_t)i * b_stride, b_stride, count, b_block);
      combine(p->kind, x, y, count, out + i);
    }
  }
}
