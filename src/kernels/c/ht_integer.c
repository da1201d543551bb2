// SPDX-License-Identifier: Apache-2.0
#include "ht_integer.h"

#include "ht_reduce.h"

static uint64_t bits_of(int64_t x) { return (uint64_t)x; }
static int64_t negated(int64_t x) { return ht_wrap(0 - bits_of(x)); }

// The least integer divided by -1 overflows, so that divisor stands apart.
static int64_t quotient(int64_t x, int64_t y) { return y == 0 ? 0 : (y == -1 ? negated(x) : x / y); }
static int64_t remainder_of(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }
static int64_t modulus(int64_t x, int64_t y) {
  const int64_t rest = remainder_of(x, y);
  return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

static int64_t power(int64_t base, int64_t exponent) {
  if (exponent < 0) return base == 1 ? 1 : (base == -1 ? (exponent % 2 ? -1 : 1) : 0);
  uint64_t result = 1, factor = bits_of(base);
  for (; exponent > 0; exponent >>= 1, factor *= factor)
    if (exponent & 1) result *= factor;
  return ht_wrap(result);
}

#define HT_COMBINE(kind, expression)      \
  case kind:                              \
    for (int32_t i = 0; i < count; ++i) { \
      const int64_t x = a[i], y = b[i];   \
      out[i] = (expression);              \
    }                                     \
    break

static void combine(int32_t kind, const int64_t* a, const int64_t* b, int32_t count, int64_t* out) {
  switch (kind) {
    HT_COMBINE(HT_ADD, ht_wrap(bits_of(x) + bits_of(y)));
    HT_COMBINE(HT_SUB, ht_wrap(bits_of(x) - bits_of(y)));
    HT_COMBINE(HT_MUL, ht_wrap(bits_of(x) * bits_of(y)));
    HT_COMBINE(HT_DIV, quotient(x, y));
    HT_COMBINE(HT_MIN, x < y ? x : y);
    HT_COMBINE(HT_MAX, x > y ? x : y);
    HT_COMBINE(HT_POW, power(x, y));
    HT_COMBINE(HT_PRELU, x >= 0 ? x : ht_wrap(bits_of(x) * bits_of(y)));
    HT_COMBINE(HT_FMOD, remainder_of(x, y));
    HT_COMBINE(HT_MOD, modulus(x, y));
    HT_COMBINE(HT_AND, x & y);
    HT_COMBINE(HT_OR, x | y);
    HT_COMBINE(HT_XOR, x ^ y);
    HT_COMBINE(HT_EQUAL, x == y);
    HT_COMBINE(HT_LESS, x < y);
    HT_COMBINE(HT_GREATER, x > y);
    HT_COMBINE(HT_LESS_EQUAL, x <= y);
    HT_COMBINE(HT_GREATER_EQUAL, x >= y);
    default:
      break;
  }
}

#undef HT_COMBINE

static bool is_comparison(int32_t kind) { return kind >= HT_EQUAL && kind <= HT_GREATER_EQUAL; }

void HT_FN(ht_binary_int)(const ht_binary_int_params* p, const ht_arguments* arguments, int32_t begin, int32_t end) {
  const ht_broadcast* s = &p->shape;
  const int32_t last = s->rank - 1, n = s->shape[last], made = is_comparison(p->kind) ? HT_BOOL : p->type;
  int64_t a[HT_INTEGER_BLOCK], b[HT_INTEGER_BLOCK], out[HT_INTEGER_BLOCK];
  for (int32_t row = begin; row < end; ++row) {
    ptrdiff_t a_at, b_at, output_at;
    ht_broadcast_locate(s, row, &a_at, &b_at, &output_at);
    for (int32_t i = 0; i < n; i += HT_INTEGER_BLOCK) {
      const int32_t count = n - i < HT_INTEGER_BLOCK ? n - i : HT_INTEGER_BLOCK;
      const ptrdiff_t a_step = s->a_stride[last], b_step = s->b_stride[last];
      HT_FN(ht_load_integers)(p->type, arguments->inputs[0], a_at + i * a_step, a_step, count, a);
      HT_FN(ht_load_integers)(p->type, arguments->inputs[1], b_at + i * b_step, b_step, count, b);
      combine(p->kind, a, b, count, out);
      HT_FN(ht_store_integers)(made, out, count, arguments->output, output_at + i, 1);
    }
  }
}

static bool compare(int32_t kind, float x, float y) {
  switch (kind) {
    case HT_EQUAL:
      return x == y;
    case HT_LESS:
      return x < y;
    case HT_GREATER:
      return x > y;
    case HT_LESS_EQUAL:
      return x <= y;
    default:
      return x >= y;
  }
}

void HT_FN(ht_compare_f32)(const ht_compare_f32_params* p, const ht_arguments* arguments, int32_t begin, int32_t end) {
  const ht_broadcast* s = &p->shape;
  const int32_t last = s->rank - 1;
  for (int32_t row = begin; row < end; ++row) {
    ptrdiff_t a_at, b_at, output_at;
    ht_broadcast_locate(s, row, &a_at, &b_at, &output_at);
    const float* a = (const float*)arguments->inputs[0] + a_at;
    const float* b = (const float*)arguments->inputs[1] + b_at;
    uint8_t* out = (uint8_t*)arguments->output + output_at;
    for (int32_t i = 0; i < s->shape[last]; ++i)
      out[i] = compare(p->kind, a[(ptrdiff_t)i * s->a_stride[last]], b[(ptrdiff_t)i * s->b_stride[last]]) ? 1 : 0;
  }
}

static int64_t function(const ht_unary_int_params* p, int64_t x) {
  switch (p->kind) {
    case HT_INT_NEG:
      return negated(x);
    case HT_INT_ABS:
      return x < 0 ? negated(x) : x;
    case HT_INT_SIGN:
      return (x > 0) - (x < 0);
    case HT_INT_NOT:
      return x == 0;
    default:
      x = x < p->low ? p->low : x;
      return x > p->high ? p->high : x;
  }
}

void HT_FN(ht_unary_int)(const ht_unary_int_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  int64_t block[HT_INTEGER_BLOCK];
  for (int32_t at = begin * HT_INTEGER_BLOCK; at < p->count && at < end * HT_INTEGER_BLOCK; at += HT_INTEGER_BLOCK) {
    const int32_t count = p->count - at < HT_INTEGER_BLOCK ? p->count - at : HT_INTEGER_BLOCK;
    HT_FN(ht_load_integers)(p->type, a->inputs[0], at, 1, count, block);
    for (int32_t i = 0; i < count; ++i) block[i] = function(p, block[i]);
    HT_FN(ht_store_integers)(p->type, block, count, a->output, at, 1);
  }
}

static int64_t truncated(float x, float least, float most, int64_t low, int64_t high) {
  if (x != x) return 0;
  return x <= least ? low : (x >= most ? high : (int64_t)x);
}

static int64_t from_float(int32_t to, float x) {
  switch (to) {
    case HT_BOOL:
      return x != 0.0f;
    case HT_I8:
      return truncated(x, -128.0f, 127.0f, INT8_MIN, INT8_MAX);
    case HT_U8:
      return truncated(x, 0.0f, 255.0f, 0, UINT8_MAX);
    case HT_I16:
      return truncated(x, -32768.0f, 32767.0f, INT16_MIN, INT16_MAX);
    case HT_U16:
      return truncated(x, 0.0f, 65535.0f, 0, UINT16_MAX);
    case HT_I32:
      return truncated(x, -2147483648.0f, 2147483648.0f, INT32_MIN, INT32_MAX);
    default:
      return truncated(x, -9223372036854775808.0f, 9223372036854775808.0f, INT64_MIN, INT64_MAX);
  }
}

static void cast_block(const ht_cast_params* p, const ht_arguments* a, int32_t at, int32_t count) {
  int64_t block[HT_INTEGER_BLOCK];
  if (p->from == HT_F32) {
    const float* in = (const float*)a->inputs[0] + at;
    for (int32_t i = 0; i < count; ++i) block[i] = from_float(p->to, in[i]);
  } else {
    HT_FN(ht_load_integers)(p->from, a->inputs[0], at, 1, count, block);
  }
  if (p->to != HT_F32) {
    HT_FN(ht_store_integers)(p->to, block, count, a->output, at, 1);
    return;
  }
  float* out = (float*)a->output + at;
  for (int32_t i = 0; i < count; ++i) out[i] = (float)block[i];
}

void HT_FN(ht_cast)(const ht_cast_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t at = begin * HT_INTEGER_BLOCK; at < p->count && at < end * HT_INTEGER_BLOCK; at += HT_INTEGER_BLOCK)
    cast_block(p, a, at, p->count - at < HT_INTEGER_BLOCK ? p->count - at : HT_INTEGER_BLOCK);
}

static ptrdiff_t offset_of_row(int32_t row, int32_t rank, const int32_t* shape, const int32_t* stride) {
  ptrdiff_t offset = 0;
  for (int32_t i = rank - 2; i >= 0; --i) {
    offset += (ptrdiff_t)(row % shape[i]) * stride[i];
    row /= shape[i];
  }
  return offset;
}

#define HT_SELECT(type)                                                                           \
  for (int32_t i = 0; i < n; ++i) {                                                               \
    const type* x = (const type*)a->inputs[1] + at[1] + i * step[1];                              \
    const type* y = (const type*)a->inputs[2] + at[2] + i * step[2];                              \
    const bool chosen = ((const uint8_t*)a->inputs[0])[at[0] + i * step[0]] != 0;                 \
    ((type*)a->output)[output_at + i] = chosen ? *x : *y;                                         \
  }

void HT_FN(ht_select)(const ht_select_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t n = p->shape[p->rank - 1];
  ptrdiff_t step[HT_MAX_INPUTS], at[HT_MAX_INPUTS];
  for (int32_t k = 0; k < HT_MAX_INPUTS; ++k) step[k] = p->stride[k][p->rank - 1];
  for (int32_t row = begin; row < end; ++row) {
    for (int32_t k = 0; k < HT_MAX_INPUTS; ++k) at[k] = offset_of_row(row, p->rank, p->shape, p->stride[k]);
    const ptrdiff_t output_at = offset_of_row(row, p->rank, p->shape, p->output_stride);
    switch (p->element_bytes) {
      case 1:
        HT_SELECT(uint8_t)
        break;
      case 2:
        HT_SELECT(uint16_t)
        break;
      case 4:
        HT_SELECT(uint32_t)
        break;
      default:
        HT_SELECT(uint64_t)
        break;
    }
  }
}

static int64_t reduced(int32_t kind, int64_t state, int64_t x) {
  switch (kind) {
    case HT_REDUCE_MAX:
      return x > state ? x : state;
    case HT_REDUCE_MIN:
      return x < state ? x : state;
    case HT_REDUCE_PROD:
      return ht_wrap(bits_of(state) * bits_of(x));
    case HT_REDUCE_L1:
      return ht_wrap(bits_of(state) + (x < 0 ? 0 - bits_of(x) : bits_of(x)));
    case HT_REDUCE_SUM_SQUARE:
      return ht_wrap(bits_of(state) + bits_of(x) * bits_of(x));
    default:
      return ht_wrap(bits_of(state) + bits_of(x));
  }
}

void HT_FN(ht_reduce_int)(const ht_reduce_int_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t unit = begin; unit < end; ++unit) {
    const ptrdiff_t first = (ptrdiff_t)(unit / p->inner) * p->n * p->inner + unit % p->inner;
    const bool takes_first = p->kind == HT_REDUCE_MAX || p->kind == HT_REDUCE_MIN;
    int64_t state = takes_first ? ht_load_integer(p->type, a->inputs[0], first) : p->kind == HT_REDUCE_PROD;
    for (int32_t i = 0; i < p->n; ++i)
      state = reduced(p->kind, state, ht_load_integer(p->type, a->inputs[0], first + (ptrdiff_t)i * p->inner));
    ht_store_integer(p->type, p->kind == HT_REDUCE_MEAN ? quotient(state, p->n) : state, a->output, unit);
  }
}
