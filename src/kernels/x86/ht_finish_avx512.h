// SPDX-License-Identifier: Apache-2.0
// The epilogue of sixteen channels of several pixels in registers; equal to c/ht_finish.h bit for bit.
#ifndef HT_FINISH_AVX512_H
#define HT_FINISH_AVX512_H

#include <immintrin.h>

#include "kernels/x86/ht_activation_words.h"
#include "kernels/x86/ht_finish_fixed.h"
#include "kernels/x86/ht_transpose_avx512.h"

enum { HT_VECTOR = 16 };

// An activation's tables and constants in registers; the halves of the tables change places, so that the signed number of a piece
// selects from them by its low five bits. One that rises has tables of words (ht_activation_words.h) in the first of each pair,
// and `within` for words.
typedef struct ht_activation_registers {
  __m512i base[2], slope[2], curve[2], first, last, within, down, up, words_up;
  __m512 least, most;
  __m128i shift;
} ht_activation_registers;

// HT_FINISH_NORMATIVE: what has no vector form here. LARGE: with multipliers that products must be kept within limits for, and of
// activations with clamps narrower than a byte; LEAKY and BOUNDED always have both. BOUNDED and RISING are activations.
enum {
  HT_FINISH_NORMATIVE,
  HT_FINISH_F32,
  HT_FINISH_FIXED,
  HT_FINISH_S8,
  HT_FINISH_S8_LARGE,
  HT_FINISH_LEAKY,
  HT_FINISH_BOUNDED,
  HT_FINISH_RISING,
  HT_FINISH_RISING_LARGE
};

typedef struct ht_finisher {
  const ht_epilogue* epilogue;
  int32_t form;
  ht_activation_registers function;
} ht_finisher;

static inline __m512i ht_swap_halves(__m512i x) { return _mm512_shuffle_i64x2(x, x, 0x4e); }

// False where a product of the vector form might leave its type.
static inline bool ht_load_bounded(const ht_activation* f, ht_activation_registers* v) {
  int32_t base[HT_ACTIVATION_PIECES], slope[HT_ACTIVATION_PIECES], curve[HT_ACTIVATION_PIECES];
  for (int32_t i = 0; i < HT_ACTIVATION_PIECES; ++i) {
    const int32_t piece = i ^ HT_ACTIVATION_PIECES / 2;
    base[i] = f->base[piece];
    slope[i] = f->slope[piece];
    curve[i] = f->curve[piece];
    const int32_t bend = curve[i] < 0 ? -curve[i] : curve[i], steep = slope[i] < 0 ? -slope[i] : slope[i];
    if (bend > INT16_MAX || bend + steep > 1 << 16) return false;
  }
  for (int32_t i = 0; i < 2; ++i) {
    v->base[i] = _mm512_loadu_si512(base + i * HT_VECTOR);
    v->slope[i] = _mm512_loadu_si512(slope + i * HT_VECTOR);
    v->curve[i] = _mm512_loadu_si512(curve + i * HT_VECTOR);
  }
  const int32_t end = HT_ACTIVATION_PIECES / 2 << f->piece_shift;
  v->within = _mm512_set1_epi32((1 << f->piece_shift) - 1);
  v->least = _mm512_set1_ps((float)-end);
  v->most = _mm512_set1_ps((float)(end - 1));
  v->shift = _mm_cvtsi32_si128(f->piece_shift);
  return true;
}

// False where a number needs more than 16 bits.
static inline bool ht_load_rising(const ht_activation* f, ht_activation_registers* v) {
  ht_activation_words words;
  if (!ht_make_words(f, &words)) return false;
  v->base[0] = ht_swap_halves(_mm512_loadu_si512(words.base));
  v->slope[0] = ht_swap_halves(_mm512_loadu_si512(words.slope));
  v->curve[0] = ht_swap_halves(_mm512_loadu_si512(words.curve));
  const int32_t end = HT_ACTIVATION_PIECES / 2 << f->piece_shift, up = 16 - f->piece_shift;
  v->first = _mm512_set1_epi32(-end);
  v->last = _mm512_set1_epi32(end - 1);
  v->within = _mm512_set1_epi16((int16_t)((1 << f->piece_shift) - 1));
  v->down = _mm512_set1_epi32(f->piece_shift);
  v->up = _mm512_set1_epi32(up);
  v->words_up = _mm512_set1_epi16((int16_t)up);
  return true;
}

// Whether products with numbers of at most `most` stay within the limit of a requantization, so that none needs a clamp.
static inline bool ht_stay_within(const float* multiplier, int32_t channels, float most) {
  for (int32_t c = 0; c < channels; ++c)
    if (!(multiplier[c] * most <= (float)HT_REQUANTIZE_LIMIT && multiplier[c] * most >= -(float)HT_REQUANTIZE_LIMIT))
      return false;
  return true;
}

// The largest sum of `depth` products of bytes and a bias.
static inline float ht_largest_sum(const int32_t* bias, int32_t channels, size_t depth) {
  float largest = 0;
  for (int32_t c = 0; c < channels; ++c) {
    const float size = bias[c] < 0 ? -(float)bias[c] : (float)bias[c];
    if (size > largest) largest = size;
  }
  return largest + 16384.0f * (float)depth;
}

static inline bool ht_has_byte_clamps(const ht_epilogue* e, int32_t channels) {
  for (int32_t c = 0; c < channels; ++c)
    if (e->minimum[c] != INT8_MIN || e->maximum[c] != INT8_MAX) return false;
  return true;
}

// For sums of `depth` products and a bias a channel.
static inline ht_finisher ht_prepare_finish(const ht_epilogue* e, int32_t channels, const int32_t* bias, size_t depth) {
  const float any = 2.0f * HT_REQUANTIZE_LIMIT;
  ht_finisher f;
  f.epilogue = e;
  f.form = HT_FINISH_NORMATIVE;
  if (e->output == HT_OUTPUT_F32) f.form = HT_FINISH_F32;
  if (ht_has_fixed_form(e)) f.form = HT_FINISH_FIXED;
  if (e->policy != HT_FLOAT_HALF_EVEN) return f;
  if (e->output == HT_OUTPUT_LEAKY) f.form = HT_FINISH_LEAKY;
  if (e->output != HT_OUTPUT_S8 && e->output != HT_OUTPUT_ACTIVATED) return f;
  const bool is_small = ht_stay_within(e->multiplier.real, channels, ht_largest_sum(bias, channels, depth));
  if (e->output == HT_OUTPUT_S8) {
    f.form = is_small ? HT_FINISH_S8 : HT_FINISH_S8_LARGE;
  } else if (!e->activation->rises) {
    if (ht_load_bounded(e->activation, &f.function)) f.form = HT_FINISH_BOUNDED;
  } else if (ht_load_rising(e->activation, &f.function)) {
    f.form = is_small && ht_stay_within(e->second.real, channels, any) && ht_has_byte_clamps(e, channels)
                 ? HT_FINISH_RISING
                 : HT_FINISH_RISING_LARGE;
  }
  return f;
}

static inline __m512i ht_round_16(__m512 x) { return _mm512_cvt_roundps_epi32(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

static inline __m512i ht_scale_16(__m512i x, __m512 multiplier) {
  return ht_round_16(_mm512_mul_ps(_mm512_cvtepi32_ps(x), multiplier));
}

// For any multiplier. What lies below all numbers becomes the lowest one, which is as good as the limit where a clamp to bytes follows.
static inline __m512i ht_scale_large_16(__m512i x, __m512 multiplier) {
  const __m512 most = _mm512_set1_ps((float)HT_REQUANTIZE_LIMIT);
  return ht_round_16(_mm512_min_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(x), multiplier), most));
}

// Sums requantized to fixed point and a bounded function of them.
static inline __m512i ht_activate_bounded(const ht_activation_registers* v, __m512i sums, __m512 multiplier) {
  const __m512 real = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), multiplier);
  const __m512i t = ht_round_16(_mm512_min_ps(_mm512_max_ps(real, v->least), v->most));
  const __m512i piece = _mm512_sra_epi32(t, v->shift);
  const __m512i r = _mm512_and_si512(t, v->within);
  const __m512i curve = _mm512_permutex2var_epi32(v->curve[0], piece, v->curve[1]);
  const __m512i bend = _mm512_sra_epi32(_mm512_madd_epi16(curve, r), v->shift);
  const __m512i slope = _mm512_add_epi32(_mm512_permutex2var_epi32(v->slope[0], piece, v->slope[1]), bend);
  const __m512i rise = _mm512_sra_epi32(_mm512_mullo_epi32(slope, r), v->shift);
  return _mm512_add_epi32(_mm512_permutex2var_epi32(v->base[0], piece, v->base[1]), rise);
}

// What a sum of sixteen channels is multiplied by.
typedef struct ht_scales {
  __m512 multiplier, second;
} ht_scales;

// Loops over vectors in registers. One step after the other is done for all of them, because a chain of steps is longer than the
// window in which a processor looks for independent instructions.
#define HT_EACH(i, step) _Pragma("GCC unroll 8") for (int32_t i = 0; i < count; i += step)
enum { HT_MOST_VECTORS = 8 };

// A function that rises, of an even number of numbers' vectors: max(t, 0) and the rest, in words, of two vectors together.
static inline __attribute__((always_inline)) void ht_activate_rising(const ht_activation_registers* v, __m512i* s,
                                                                     int32_t count) {
  const __mmask32 odd = 0xaaaaaaaau;
  __m512i t[HT_MOST_VECTORS], piece[HT_MOST_VECTORS], y[HT_MOST_VECTORS];
  HT_EACH(i, 1) t[i] = _mm512_min_epi32(_mm512_max_epi32(s[i], v->first), v->last);
  // The number of a piece is in the low word of the first vector and in the high one of the second.
  HT_EACH(i, 2) piece[i] = _mm512_mask_mov_epi16(_mm512_srlv_epi32(t[i], v->down), odd, _mm512_sllv_epi32(t[i + 1], v->up));
  HT_EACH(i, 2) t[i] = _mm512_and_si512(_mm512_mask_mov_epi16(t[i], odd, _mm512_slli_epi32(t[i + 1], 16)), v->within);
  HT_EACH(i, 2) y[i] = _mm512_mulhi_epi16(_mm512_permutexvar_epi16(piece[i], v->curve[0]), t[i]);
  HT_EACH(i, 2) y[i] = _mm512_sllv_epi16(_mm512_add_epi16(y[i], _mm512_permutexvar_epi16(piece[i], v->slope[0])), v->words_up);
  HT_EACH(i, 2) y[i] = _mm512_add_epi16(_mm512_mulhi_epi16(y[i], t[i]), _mm512_permutexvar_epi16(piece[i], v->base[0]));
  // A product with the pair (1, 0) or (0, 1) is one of a pair of words.
  HT_EACH(i, 1) s[i] = _mm512_max_epi32(s[i], _mm512_setzero_si512());
  HT_EACH(i, 1) s[i] = _mm512_dpwssd_epi32(s[i], y[i / 2 * 2], _mm512_set1_epi32(i % 2 ? 1 << 16 : 1));
}

// From vectors of sums to the integers before zero point and clamps; vector i has scales[i * step]. `count` and `form` are constants
// where this is inlined.
static inline __attribute__((always_inline)) void ht_requantize(const ht_activation_registers* v, __m512i* s, const ht_scales* scales,
                                                                int32_t step, int32_t count, int32_t form) {
  if (form == HT_FINISH_S8) {
    HT_EACH(i, 1) s[i] = ht_scale_16(s[i], scales[i * step].multiplier);
    return;
  }
  if (form == HT_FINISH_S8_LARGE) {
    HT_EACH(i, 1) s[i] = ht_scale_large_16(s[i], scales[i * step].multiplier);
    return;
  }
  if (form == HT_FINISH_LEAKY) {
    HT_EACH(i, 1) {
      const ht_scales of = scales[i * step];
      s[i] = ht_scale_large_16(s[i], _mm512_mask_mov_ps(of.multiplier, _mm512_movepi32_mask(s[i]), of.second));
    }
    return;
  }
  if (form == HT_FINISH_BOUNDED) {
    HT_EACH(i, 1) s[i] = ht_activate_bounded(v, s[i], scales[i * step].multiplier);
  } else if (form == HT_FINISH_RISING) {
    HT_EACH(i, 1) s[i] = ht_scale_16(s[i], scales[i * step].multiplier);
  } else {
    HT_EACH(i, 1) s[i] = ht_scale_large_16(s[i], scales[i * step].multiplier);
  }
  if (form != HT_FINISH_BOUNDED) ht_activate_rising(v, s, count);
  if (form == HT_FINISH_RISING) {
    HT_EACH(i, 1) s[i] = ht_scale_16(s[i], scales[i * step].second);
  } else {
    HT_EACH(i, 1) s[i] = ht_scale_large_16(s[i], scales[i * step].second);
  }
}

// Sixty-four integers to bytes; lane l of the result holds lane l of a, of b, of c and of d. Everything saturates, as the
// clamps do that come last.
static inline __m512i ht_pack_64(__m512i a, __m512i b, __m512i c, __m512i d, __m512i zero_ab, __m512i zero_cd) {
  return _mm512_packs_epi16(_mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_ab),
                            _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero_cd));
}
static inline __m512i ht_narrow_64(__m512i a, __m512i b, __m512i c, __m512i d, __m512i zero_ab, __m512i zero_cd, __m512i minimum,
                                   __m512i maximum) {
  return _mm512_min_epi8(_mm512_max_epi8(ht_pack_64(a, b, c, d, zero_ab, zero_cd), minimum), maximum);
}

// What ht_narrow_64 takes for sixteen channels of four pixels: lane l four times the channels 4l to 4l + 3.
static inline __m512i ht_spread_channels(const int8_t* from, __mmask16 mask) {
  const __m512i index = _mm512_set_epi32(3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0);
  return _mm512_permutexvar_epi32(index, _mm512_castsi128_si512(_mm_maskz_loadu_epi8(mask, from)));
}

static inline void ht_store_pixels(int8_t* to, size_t stride, int32_t pixels, __mmask16 mask, __m512i bytes) {
  const __m512i index = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
  bytes = _mm512_permutexvar_epi32(index, bytes);
  if (pixels >= 4 && mask == 0xffff) {
    _mm_storeu_si128((__m128i*)to, _mm512_castsi512_si128(bytes));
    _mm_storeu_si128((__m128i*)(to + stride), _mm512_extracti32x4_epi32(bytes, 1));
    _mm_storeu_si128((__m128i*)(to + 2 * stride), _mm512_extracti32x4_epi32(bytes, 2));
    _mm_storeu_si128((__m128i*)(to + 3 * stride), _mm512_extracti32x4_epi32(bytes, 3));
    return;
  }
  _mm_mask_storeu_epi8(to, mask, _mm512_castsi512_si128(bytes));
  if (pixels > 1) _mm_mask_storeu_epi8(to + stride, mask, _mm512_extracti32x4_epi32(bytes, 1));
  if (pixels > 2) _mm_mask_storeu_epi8(to + 2 * stride, mask, _mm512_extracti32x4_epi32(bytes, 2));
  if (pixels > 3) _mm_mask_storeu_epi8(to + 3 * stride, mask, _mm512_extracti32x4_epi32(bytes, 3));
}

// What the pixels of sixteen channels have in common.
typedef struct ht_channels {
  ht_scales scales;
  __m512i zero, minimum, maximum;
  __mmask16 mask;
} ht_channels;

static inline ht_channels ht_load_channels(const ht_epilogue* e, int32_t first, __mmask16 mask, int32_t form) {
  ht_channels c;
  c.mask = mask;
  c.scales.multiplier = _mm512_maskz_loadu_ps(mask, e->multiplier.real + first);
  c.scales.second = form == HT_FINISH_S8 || form == HT_FINISH_S8_LARGE ? c.scales.multiplier : _mm512_maskz_loadu_ps(mask, e->second.real + first);
  c.minimum = ht_spread_channels(e->minimum + first, mask), c.maximum = ht_spread_channels(e->maximum + first, mask);
  const __m512i zero_bytes = ht_spread_channels(e->zero_point + first, mask);
  c.zero = _mm512_srai_epi16(_mm512_unpacklo_epi8(zero_bytes, zero_bytes), 8);
  return c;
}

// `count` is a constant where this is inlined, 4 or 8.
static inline __attribute__((always_inline)) void ht_finish_pixels(const ht_activation_registers* v, const ht_channels* c, const int32_t* sums,
                                                                   int32_t pixels, int8_t* to, size_t stride, int32_t count, int32_t form) {
  __m512i s[HT_MOST_VECTORS];
  HT_EACH(i, 1) s[i] = _mm512_loadu_si512(sums + i * HT_VECTOR);
  ht_requantize(v, s, &c->scales, 0, count, form);
  HT_EACH(i, 4) {
    const __m512i bytes = form == HT_FINISH_RISING
                              ? ht_pack_64(s[i], s[i + 1], s[i + 2], s[i + 3], c->zero, c->zero)
                              : ht_narrow_64(s[i], s[i + 1], s[i + 2], s[i + 3], c->zero, c->zero, c->minimum, c->maximum);
    ht_store_pixels(to + (size_t)i * stride, stride, pixels - i, c->mask, bytes);
  }
}

static inline __attribute__((always_inline)) void ht_finish_bytes(const ht_finisher* f, int32_t first, __mmask16 mask,
                                                                  int32_t pixels, const int32_t* sums, int8_t* to, size_t stride,
                                                                  int32_t form) {
  const ht_activation_registers v = f->function;  // a copy, because stores of bytes may alias the original
  const ht_channels c = ht_load_channels(f->epilogue, first, mask, form);
  int32_t r = 0;
  for (; r + 4 < pixels; r += 8) ht_finish_pixels(&v, &c, sums + r * HT_VECTOR, pixels - r, to + (size_t)r * stride, stride, 8, form);
  if (r < pixels) ht_finish_pixels(&v, &c, sums + r * HT_VECTOR, pixels - r, to + (size_t)r * stride, stride, 4, form);
}

// The sums of sixteen pixels by up to sixteen channels. `form` is a constant where this is inlined, HT_FINISH_S8 or HT_FINISH_S8_LARGE.
static inline __attribute__((always_inline)) void ht_finish_single(const ht_channels* channels, __m512i* s, int8_t* to, size_t stride, int32_t form) {
  const ht_channels c = channels[0];
  ht_requantize(NULL, s, &c.scales, 0, 8, form);
  ht_requantize(NULL, s + 8, &c.scales, 0, 8, form);
  for (int32_t i = 0; i < 16; i += 4, to += 4 * stride)
    ht_store_pixels(to, stride, 4, c.mask, ht_narrow_64(s[i], s[i + 1], s[i + 2], s[i + 3], c.zero, c.zero, c.minimum, c.maximum));
}

// The sums of eight pixels by up to thirty-two channels: those of the first sixteen channels, pixel by pixel, then of the others.
static inline __attribute__((always_inline)) void ht_finish_pair(const ht_channels* c, __m512i* s, int8_t* to, size_t stride, int32_t form) {
  const __m512i first = _mm512_set_epi32(29, 25, 21, 17, 13, 9, 5, 1, 28, 24, 20, 16, 12, 8, 4, 0);
  const __m512i later = _mm512_add_epi32(first, _mm512_set1_epi32(2));
  const ht_channels low = c[0], high = c[1];
  const __mmask32 mask = (__mmask32)high.mask << 16 | low.mask;
  ht_requantize(NULL, s, &low.scales, 0, 8, form);
  ht_requantize(NULL, s + 8, &high.scales, 0, 8, form);
  for (int32_t i = 0; i < 8; i += 4, to += 4 * stride) {
    const __m512i a = ht_narrow_64(s[i], s[i + 1], s[i + 2], s[i + 3], low.zero, low.zero, low.minimum, low.maximum);
    const __m512i b = ht_narrow_64(s[i + 8], s[i + 9], s[i + 10], s[i + 11], high.zero, high.zero, high.minimum, high.maximum);
    const __m512i two = _mm512_permutex2var_epi32(a, first, b), next = _mm512_permutex2var_epi32(a, later, b);
    _mm256_mask_storeu_epi8(to, mask, _mm512_castsi512_si256(two));
    _mm256_mask_storeu_epi8(to + stride, mask, _mm512_extracti64x4_epi64(two, 1));
    _mm256_mask_storeu_epi8(to + 2 * stride, mask, _mm512_castsi512_si256(next));
    _mm256_mask_storeu_epi8(to + 3 * stride, mask, _mm512_extracti64x4_epi64(next, 1));
  }
}

static inline void ht_finish_floats(const ht_epilogue* e, int32_t first, __mmask16 mask, int32_t pixels, const int32_t* sums, float* to, size_t stride) {
  const __m512 scale = _mm512_maskz_loadu_ps(mask, e->scale + first);
  for (int32_t r = 0; r < pixels; ++r, to += stride)
    _mm512_mask_storeu_ps(to, mask, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(sums + r * HT_VECTOR)), scale));
}

// The same where channels lie in planes, too many of them for the hardware to see that each is written in order.
enum { HT_PIXELS_AHEAD = 64 };
static inline void ht_finish_planes(const ht_epilogue* e, int32_t first, int32_t count, int32_t pixels, const int32_t* sums, float* to) {
  const __m512 scale = _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1u), e->scale + first);
  to += (ptrdiff_t)first * (e->plane - 1);
  for (int32_t r = 0; r < pixels; r += HT_VECTOR, to += HT_VECTOR, sums += HT_VECTOR * HT_VECTOR) {
    const int32_t now = pixels - r < HT_VECTOR ? pixels - r : HT_VECTOR;
    __m512i v[HT_VECTOR];
    for (int32_t i = 0; i < HT_VECTOR; ++i)
      v[i] = i < now ? _mm512_castps_si512(_mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(sums + i * HT_VECTOR)), scale)) : _mm512_setzero_si512();
    ht_transpose_words(v);
    const __mmask16 mask = (__mmask16)((1u << now) - 1u);
    float* plane = to;
    for (int32_t c = 0; c < count; ++c, plane += e->plane) {
      _mm512_mask_storeu_ps(plane, mask, _mm512_castsi512_ps(v[c]));
      __builtin_prefetch(plane + HT_PIXELS_AHEAD, 1);
    }
  }
}

// sums + r * HT_VECTOR belongs to channels [first, first + count) of pixel r and goes to output[at + r * stride]. There are
// sums for whole fours of pixels, or eights where there are more than four, of which the last may be more than are stored.
static inline void ht_finish_block(const ht_finisher* f, int32_t first, int32_t count, int32_t pixels, int32_t* sums,
                                   void* output, size_t at, size_t stride) {
  const ht_epilogue* e = f->epilogue;
  const __mmask16 mask = (__mmask16)((1u << count) - 1u);
  int8_t* bytes = (int8_t*)output + at;
  switch (f->form) {
    case HT_FINISH_F32:
      if (e->plane != 0) {
        ht_finish_planes(e, first, count, pixels, sums, (float*)output + at);
      } else {
        ht_finish_floats(e, first, mask, pixels, sums, (float*)output + at, stride);
      }
      return;
    case HT_FINISH_FIXED:
      ht_finish_fixed(e, first, count, pixels, sums, HT_VECTOR, bytes, stride);
      return;
    case HT_FINISH_S8:
      ht_finish_bytes(f, first, mask, pixels, sums, bytes, stride, HT_FINISH_S8);
      return;
    case HT_FINISH_S8_LARGE:
      ht_finish_bytes(f, first, mask, pixels, sums, bytes, stride, HT_FINISH_S8_LARGE);
      return;
    case HT_FINISH_LEAKY:
      ht_finish_bytes(f, first, mask, pixels, sums, bytes, stride, HT_FINISH_LEAKY);
      return;
    case HT_FINISH_BOUNDED:
      ht_finish_bytes(f, first, mask, pixels, sums, bytes, stride, HT_FINISH_BOUNDED);
      return;
    case HT_FINISH_RISING:
      ht_finish_bytes(f, first, mask, pixels, sums, bytes, stride, HT_FINISH_RISING);
      return;
    case HT_FINISH_RISING_LARGE:
      ht_finish_bytes(f, first, mask, pixels, sums, bytes, stride, HT_FINISH_RISING_LARGE);
      return;
    default:
      for (int32_t r = 0; r < pixels; ++r) ht_finish(e, first, count, sums + r * HT_VECTOR, output, at + (size_t)r * stride);
  }
}

#endif
