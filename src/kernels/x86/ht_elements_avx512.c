// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/x86/ht_elements_x86.h"

// Sixteen channels at a time down all rows, so that what belongs to a channel is loaded once. With one scale for all and no
// gaps, rows are one long row, worked off in sixty-fours.
enum { kLanes = 16 };

static inline __mmask16 lanes_of(int32_t count) { return (__mmask16)(count >= kLanes ? 0xffffu : (1u << count) - 1u); }

static inline __m512 channel_floats(const float* from, int32_t step, int32_t c, __mmask16 mask) {
  return step ? _mm512_maskz_loadu_ps(mask, from + c) : _mm512_set1_ps(from[0]);
}

static inline __m512i channel_bytes(const int8_t* from, int32_t step, int32_t c, __mmask16 mask) {
  return step ? _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, from + c)) : _mm512_set1_epi32(from[0]);
}

static inline __m512i load_bytes(const int8_t* from, __mmask16 mask) {
  return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, from));
}

static inline __m512i round_half_even(__m512 x) {
  return _mm512_cvt_roundps_epi32(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

typedef struct lines {
  int32_t rows, count;
  ptrdiff_t input_stride, output_stride;
} lines;

static lines lines_of(const ht_convert_params* p, int32_t begin, int32_t end) {
  const bool gapless = p->channel_step == 0 && p->input_stride == p->channels && p->output_stride == p->channels;
  const lines one = {1, (end - begin) * p->channels, 0, 0}, many = {end - begin, p->channels, p->input_stride, p->output_stride};
  return gapless ? one : many;
}

// x / scale is x * (1 / scale) corrected twice by its remainder: the first correction leaves at most one unit in the last
// place, and from there the second gives the nearest float (Markstein). Quotients beyond 1024 are clamped before, and very
// small scales, whose remainders would be subnormal, take the division itself.
static inline __m512 divide(__m512 x, __m512 scale, __m512 inverse) {
  const __m512 first = _mm512_mul_ps(x, inverse);
  const __m512 second = _mm512_fmadd_ps(_mm512_fnmadd_ps(first, scale, x), inverse, first);
  return _mm512_fmadd_ps(_mm512_fnmadd_ps(second, scale, x), inverse, second);
}

static bool ordinary_scales(const ht_convert_params* p) {
  const int32_t count = p->channel_step ? p->channels : 1;
  for (int32_t c = 0; c < count; ++c)
    if (!(p->scale[c] > 0x1p-40f && p->scale[c] < 0x1p40f)) return false;
  return true;
}

// A scale's parts of a quantization.
typedef struct grid {
  __m512 scale, inverse, least, most;
  __m512i zero_point;
} grid;

static inline grid make_grid(__m512 scale, __m512i zero_point) {
  grid g = {.scale = scale, .zero_point = zero_point};
  g.inverse = _mm512_div_ps(_mm512_set1_ps(1.0f), g.scale);
  g.most = _mm512_mul_ps(g.scale, _mm512_set1_ps(1024.0f));
  g.least = _mm512_sub_ps(_mm512_setzero_ps(), g.most);
  return g;
}

static inline grid grid_of(const ht_convert_params* p, int32_t c, __mmask16 mask) {
  return make_grid(channel_floats(p->scale, p->channel_step, c, mask), channel_bytes(p->zero_point, p->channel_step, c, mask));
}

// In all lanes that of one channel.
static inline grid grid_of_all(const ht_convert_params* p, int32_t c) {
  return make_grid(_mm512_set1_ps(p->scale[c]), _mm512_set1_epi32(p->zero_point[c]));
}

static inline __m512i quantize(const grid* g, __m512 x) {
  x = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, x, _CMP_ORD_Q), x);
  x = _mm512_min_ps(_mm512_max_ps(x, g->least), g->most);
  return _mm512_add_epi32(round_half_even(divide(x, g->scale, g->inverse)), g->zero_point);
}

// Lane l of what two packings make of a, b, c and d holds lane l of each.
static inline void store_packed_64(__m512i bytes, int8_t* to) {
  const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi32(order, bytes));
}

// 64 adjacent elements of one scale.
static inline void quantize_64(const grid* g, const float* from, int8_t* to) {
  const __m512i a = quantize(g, _mm512_loadu_ps(from)), b = quantize(g, _mm512_loadu_ps(from + kLanes));
  const __m512i c = quantize(g, _mm512_loadu_ps(from + 2 * kLanes)), d = quantize(g, _mm512_loadu_ps(from + 3 * kLanes));
  store_packed_64(_mm512_packs_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)), to);
}

// The three channels of sixteen pixels, adjacent in planes, as bytes in the order of pixels.
static inline __m512i quantize_colors(const grid* g, const float* const* from, __mmask16 mask) {
  __m512i pixels = _mm512_setzero_si512();
  for (int32_t c = 0; c < 3; ++c) {
    const __m512i q = quantize(&g[c], _mm512_maskz_loadu_ps(mask, from[c]));
    const __m512i byte = _mm512_and_si512(
        _mm512_max_epi32(_mm512_min_epi32(q, _mm512_set1_epi32(INT8_MAX)), _mm512_set1_epi32(INT8_MIN)), _mm512_set1_epi32(0xff));
    pixels = _mm512_or_si512(pixels, _mm512_slli_epi32(byte, 8 * (unsigned)c));
  }
  const __m512i three_of_four = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
  const __m512i gapless = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 15, 15, 15);
  return _mm512_permutexvar_epi32(gapless, _mm512_shuffle_epi8(pixels, three_of_four));
}

static void quantize_photo(const ht_convert_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  grid g[3];
  for (int32_t c = 0; c < 3; ++c) g[c] = grid_of_all(p, c * p->channel_step);
  for (int32_t pixel = begin; pixel < end; pixel += kLanes) {
    const float* first = (const float*)a->inputs[0] + pixel;
    const float* const from[3] = {first, first + p->plane, first + 2 * (ptrdiff_t)p->plane};
    int8_t* to = (int8_t*)a->output + 3 * (ptrdiff_t)pixel;
    if (end - pixel >= kLanes) {
      const __m512i bytes = quantize_colors(g, from, 0xffff);
      _mm256_storeu_si256((__m256i*)to, _mm512_castsi512_si256(bytes));
      _mm_storeu_si128((__m128i*)(to + 32), _mm512_extracti32x4_epi32(bytes, 2));
    } else {
      _mm512_mask_storeu_epi8(to, ~(__mmask64)0 >> (64 - 3 * (end - pixel)), quantize_colors(g, from, lanes_of(end - pixel)));
    }
  }
}

void ht_quantize_run_avx512(const ht_convert_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const bool is_photo = p->channels == 3 && p->input_stride == 1 && p->output_stride == 3;
  if (ordinary_scales(p) && p->plane != 0 && is_photo) {
    quantize_photo(p, a, begin, end);
    return;
  }
  if (!ordinary_scales(p) || p->plane != 0) {
    ht_quantize_avx512vnni(p, a, begin, end);
    return;
  }
  const lines l = lines_of(p, begin, end);
  const float* in = (const float*)a->inputs[0] + (ptrdiff_t)begin * p->input_stride;
  int8_t* out = (int8_t*)a->output + (ptrdiff_t)begin * p->output_stride;
  int32_t c = 0;
  if (p->channel_step == 0 && l.rows == 1) {
    const grid g = grid_of(p, 0, 0xffff);
    for (; c + 4 * kLanes <= l.count; c += 4 * kLanes) quantize_64(&g, in + c, out + c);
  }
  for (; c < l.count; c += kLanes) {
    const __mmask16 mask = lanes_of(l.count - c);
    const grid g = grid_of(p, c, mask);
    const float* from = in + c;
    int8_t* to = out + c;
    for (int32_t row = 0; row < l.rows; ++row, from += l.input_stride, to += l.output_stride)
      _mm512_mask_cvtsepi32_storeu_epi8(to, mask, quantize(&g, _mm512_maskz_loadu_ps(mask, from)));
  }
}

void ht_dequantize_run_avx512(const ht_convert_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const lines l = lines_of(p, begin, end);
  const int8_t* in = (const int8_t*)a->inputs[0] + (ptrdiff_t)begin * p->input_stride;
  float* out = (float*)a->output + (ptrdiff_t)begin * p->output_stride;
  for (int32_t c = 0; c < l.count; c += kLanes) {
    const __mmask16 mask = lanes_of(l.count - c);
    const __m512 scale = channel_floats(p->scale, p->channel_step, c, mask);
    const __m512i zero_point = channel_bytes(p->zero_point, p->channel_step, c, mask);
    const int8_t* from = in + c;
    float* to = out + c;
    for (int32_t row = 0; row < l.rows; ++row, from += l.input_stride, to += l.output_stride) {
      const __m512 x = _mm512_cvtepi32_ps(_mm512_sub_epi32(load_bytes(from, mask), zero_point));
      _mm512_mask_storeu_ps(to, mask, _mm512_mul_ps(x, scale));
    }
  }
}

// Elements from one row of a tensor to the next.
typedef struct pitches {
  ptrdiff_t a, b, output;
} pitches;

static bool even(const ht_broadcast* s, const int32_t* stride, ptrdiff_t* pitch) {
  const int32_t last = s->rank - 1;
  ptrdiff_t step = last > 0 ? stride[last - 1] : s->shape[0];
  *pitch = step;
  for (int32_t i = last - 1; i >= 0; step *= s->shape[i--])
    if (s->shape[i] != 1 && stride[i] != step) return false;
  return s->shape[last] == 1 || stride[last] == 1;
}

// Whether the rows of each tensor lie equally far apart.
static bool even_rows(const ht_broadcast* s, pitches* rows) {
  return even(s, s->a_stride, &rows->a) && even(s, s->b_stride, &rows->b) && even(s, s->output_stride, &rows->output);
}

static inline __m512 real_bytes(const int8_t* from, __m512 zero_point) {
  return _mm512_sub_ps(_mm512_cvtepi32_ps(load_bytes(from, 0xffff)), zero_point);
}

// Adjacent elements of one scale, in whole sixty-fours; returns how many those are. Ratios are so small that no sum leaves the
// integers. `kind` is a constant where this is inlined.
static inline __attribute__((always_inline)) int32_t combine_64(const ht_binary_params* p, const int8_t* a, const int8_t* b,
                                                                int32_t count, int8_t* out, int32_t kind) {
  const __m512 a_ratio = _mm512_set1_ps(p->a_ratio[0]), b_ratio = kind == HT_MUL ? a_ratio : _mm512_set1_ps(p->b_ratio[0]);
  const __m512 za = _mm512_set1_ps(p->a_zero_point[0]), zb = _mm512_set1_ps(p->b_zero_point[0]);
  const __m512 shift = _mm512_set1_ps((float)(p->output_zero_point[0] + 128));
  const __m512i zo = _mm512_set1_epi16(kind == HT_MUL ? -128 : p->output_zero_point[0]);
  int32_t c = 0;
  for (; c + 4 * kLanes <= count; c += 4 * kLanes) {
    __m512i s[4];
    for (int32_t i = 0; i < 4; ++i) {
      const __m512 x = real_bytes(a + c + i * kLanes, za), y = real_bytes(b + c + i * kLanes, zb);
      const __m512 first = _mm512_mul_ps(x, kind == HT_MUL ? y : a_ratio);
      const __m512 r = kind == HT_MUL   ? _mm512_add_ps(_mm512_mul_ps(first, a_ratio), shift)
                       : kind == HT_SUB ? _mm512_sub_ps(first, _mm512_mul_ps(y, b_ratio))
                                        : _mm512_add_ps(first, _mm512_mul_ps(y, b_ratio));
      s[i] = round_half_even(r);
    }
    const __m512i ab = _mm512_adds_epi16(_mm512_packs_epi32(s[0], s[1]), zo),
                  cd = _mm512_adds_epi16(_mm512_packs_epi32(s[2], s[3]), zo);
    store_packed_64(_mm512_packs_epi16(ab, cd), out + c);
  }
  return c;
}

static bool has_small_ratios(const ht_binary_params* p) {
  const float limit = 1024;
  const bool small = p->a_ratio[0] < limit && p->a_ratio[0] > -limit;
  return small && (p->kind == HT_MUL || (p->b_ratio[0] < limit && p->b_ratio[0] > -limit));
}

// `kind` is a constant where this is inlined.
static inline __attribute__((always_inline)) void combine(const ht_binary_params* p, const int8_t* a, const int8_t* b,
                                                          int32_t rows, int32_t count, pitches pitch, int8_t* out, int32_t kind) {
  const int32_t step = p->channel_step;
  for (int32_t c = rows == 1 && step == 0 && has_small_ratios(p) ? combine_64(p, a, b, count, out, kind) : 0; c < count;
       c += kLanes) {
    const __mmask16 mask = lanes_of(count - c);
    const __m512 a_ratio = channel_floats(p->a_ratio, step, c, mask);
    const __m512 b_ratio = kind == HT_MUL ? a_ratio : channel_floats(p->b_ratio, step, c, mask);
    const __m512i za = channel_bytes(p->a_zero_point, step, c, mask), zb = channel_bytes(p->b_zero_point, step, c, mask);
    const __m512i zo = channel_bytes(p->output_zero_point, step, c, mask);
    const __m512i offset = _mm512_set1_epi32(128);
    const __m512 shift = _mm512_cvtepi32_ps(_mm512_add_epi32(zo, offset)), limit = _mm512_set1_ps(1024.0f);
    const __m512 least = _mm512_sub_ps(_mm512_setzero_ps(), limit);
    for (int32_t row = 0; row < rows; ++row) {
      const __m512 x = _mm512_cvtepi32_ps(_mm512_sub_epi32(load_bytes(a + row * pitch.a + c, mask), za));
      const __m512 y = _mm512_cvtepi32_ps(_mm512_sub_epi32(load_bytes(b + row * pitch.b + c, mask), zb));
      __m512 r;
      if (kind == HT_MUL) {
        r = _mm512_add_ps(_mm512_mul_ps(_mm512_mul_ps(x, y), a_ratio), shift);
      } else if (kind == HT_SUB) {
        r = _mm512_sub_ps(_mm512_mul_ps(x, a_ratio), _mm512_mul_ps(y, b_ratio));
      } else {
        r = _mm512_add_ps(_mm512_mul_ps(x, a_ratio), _mm512_mul_ps(y, b_ratio));
      }
      const __m512i whole = round_half_even(_mm512_min_ps(_mm512_max_ps(r, least), limit));
      _mm512_mask_cvtsepi32_storeu_epi8(out + row * pitch.output + c, mask,
                                        kind == HT_MUL ? _mm512_sub_epi32(whole, offset) : _mm512_add_epi32(whole, zo));
    }
  }
}

void ht_binary_run_avx512(const ht_binary_params* p, const ht_arguments* arguments, int32_t begin, int32_t end) {
  const bool kind = p->kind == HT_ADD || p->kind == HT_SUB || p->kind == HT_MUL;
  pitches pitch;
  if (!kind || p->policy != HT_FLOAT_HALF_EVEN || !even_rows(&p->shape, &pitch)) {
    ht_binary_avx512vnni(p, arguments, begin, end);
    return;
  }
  const int32_t n = p->shape.shape[p->shape.rank - 1];
  const int8_t *a = (const int8_t*)arguments->inputs[0] + begin * pitch.a,
               *b = (const int8_t*)arguments->inputs[1] + begin * pitch.b;
  int8_t* out = (int8_t*)arguments->output + begin * pitch.output;
  const bool one = p->channel_step == 0 && ht_broadcast_gapless(&p->shape);
  const int32_t rows = one ? 1 : end - begin, count = one ? (end - begin) * n : n;
  if (p->kind == HT_MUL) {
    combine(p, a, b, rows, count, pitch, out, HT_MUL);
  } else if (p->kind == HT_SUB) {
    combine(p, a, b, rows, count, pitch, out, HT_SUB);
  } else {
    combine(p, a, b, rows, count, pitch, out, HT_ADD);
  }
}
