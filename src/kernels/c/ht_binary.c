// SPDX-License-Identifier: Apache-2.0
#include "ht_binary.h"

#include "ht_requantize.h"

// A bundle's ht_config.h says so where both inputs of all of these have their innermost dimension, without gaps.
#ifndef HT_ADJACENT_BINARY
#define HT_ADJACENT_BINARY 0
#endif

enum { HT_BINARY_BLOCK = 128 };

// Broadcast and strided elements are first made adjacent, so that the arithmetic has one form.
static const int8_t* load(const int8_t* from, int32_t stride, int32_t count, int8_t* block) {
  if (HT_ADJACENT_BINARY || stride == 1) return from;
  for (int32_t i = 0; i < count; ++i) block[i] = from[(ptrdiff_t)i * stride];
  return block;
}

static int32_t store(int32_t value, int8_t zero_point) { return ht_clamp(value + zero_point, INT8_MIN, INT8_MAX); }

static bool is_kind(const ht_binary_params* p, int32_t kind) { return HT_USES(HT_BINARIES, kind) && p->kind == kind; }

// `step` is a constant where this is inlined.
static inline void combine_half_even(const ht_binary_params* p, const int8_t* a, const int8_t* b,
                                     int32_t first, int32_t count, int32_t step, int8_t* out) {
  const ptrdiff_t base = (ptrdiff_t)first * step;
  const float *a_ratio = p->a_ratio + base, *b_ratio = is_kind(p, HT_MUL) ? a_ratio : p->b_ratio + base;
  const int8_t *za = p->a_zero_point + base, *zb = p->b_zero_point + base, *zo = p->output_zero_point + base;
  const float sign = is_kind(p, HT_SUB) ? -1.0f : 1.0f;
  if (is_kind(p, HT_MUL)) {
    HT_INDEPENDENT
    for (int32_t i = 0; i < count; ++i) {
      const float x = (float)(a[i] - za[i * step]), y = (float)(b[i] - zb[i * step]);
      float r = (x * y) * a_ratio[i * step] + (float)(zo[i * step] + 128);
      r = r < 0.0f ? 0.0f : (r > 255.0f ? 255.0f : r);
      out[i] = (int8_t)(ht_round_small_half_even(r) - 128);
    }
    return;
  }
  HT_INDEPENDENT
  for (int32_t i = 0; i < count; ++i) {
    const float x = (float)(a[i] - za[i * step]), y = (float)(b[i] - zb[i * step]);
    float r = x * a_ratio[i * step] + sign * (y * b_ratio[i * step]);
    r = r < -1024.0f ? -1024.0f : (r > 1024.0f ? 1024.0f : r);
    out[i] = (int8_t)store(ht_round_small_half_even(r), zo[i * step]);
  }
}

static inline void combine_fixed(const ht_binary_params* p, const int8_t* a, const int8_t* b,
                                 int32_t first, int32_t count, int32_t step, int8_t* out) {
  HT_INDEPENDENT
  for (int32_t i = 0; i < count; ++i) {
    const int32_t c = (first + i) * step;
    const int32_t x = a[i] - p->a_zero_point[c], y = b[i] - p->b_zero_point[c];
    const int32_t right = 31 - p->shift[c];
    int64_t sum = (int64_t)(x * y) * p->a_fixed[c];
    if (!is_kind(p, HT_MUL)) sum = (int64_t)x * p->a_fixed[c] + (is_kind(p, HT_SUB) ? -y : y) * (int64_t)p->b_fixed[c];
    const int64_t rounded = (sum + ((int64_t)1 << (right - 1))) >> right;
    out[i] = (int8_t)store((int32_t)ht_clamp_wide(rounded, -1024, 1024), p->output_zero_point[c]);
  }
}

static void combine(const ht_binary_params* p, const int8_t* a, const int8_t* b, int32_t first, int32_t count, int8_t* out) {
  if (HT_USES_POLICY(HT_FLOAT_HALF_EVEN) && p->policy == HT_FLOAT_HALF_EVEN) {
    if (p->channel_step) {
      combine_half_even(p, a, b, first, count, 1, out);
    } else {
      combine_half_even(p, a, b, first, count, 0, out);
    }
  } else {
    combine_fixed(p, a, b, first, count, p->channel_step, out);
  }
}

void HT_FN(ht_binary)(const ht_binary_params* p, const ht_arguments* arguments, int32_t begin, int32_t end) {
  const ht_broadcast* s = &p->shape;
  const int32_t n = s->shape[s->rank - 1], a_stride = s->a_stride[s->rank - 1], b_stride = s->b_stride[s->rank - 1];
  int8_t a_block[HT_BINARY_BLOCK], b_block[HT_BINARY_BLOCK];
  if (begin < end && p->channel_step == 0 && ht_broadcast_gapless(s)) {
    const ptrdiff_t at = (ptrdiff_t)begin * n;
    combine(p, (const int8_t*)arguments->inputs[0] + at, (const int8_t*)arguments->inputs[1] + at, 0, (end - begin) * n,
            (int8_t*)arguments->output + at);
    return;
  }
  for (int32_t row = begin; row < end; ++row) {
    ptrdiff_t a_at, b_at, output_at;
    ht_broadcast_locate(s, row, &a_at, &b_at, &output_at);
    const int8_t* a = (const int8_t*)arguments->inputs[0] + a_at;
    const int8_t* b = (const int8_t*)arguments->inputs[1] + b_at;
    int8_t* out = (int8_t*)arguments->output + output_at;
    const int32_t block = HT_ADJACENT_BINARY || (a_stride == 1 && b_stride == 1) ? n : HT_BINARY_BLOCK;
    for (int32_t i = 0; i < n; i += block) {
      const int32_t count = n - i < block ? n - i : block;
      const int8_t* x = load(a + (ptrdiff_t)i * a_stride, a_stride, count, a_block);
      const int8_t* y = load(b + (ptrdiff_t)i * b_stride, b_stride, count, b_block);
      combine(p, x, y, i, count, out + i);
    }
  }
}
