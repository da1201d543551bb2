// SPDX-License-Identifier: Apache-2.0
// The epilogue of sixteen channels of several pixels in registers; equal to c/ht_finish.h bit for bit.
#ifndef HT_FINISH_AVX512_H
#define HT_FINISH_AVX512_H

#include <immintrin.h>

#include "kernels/c/ht_finish.h"

enum { HT_VECTOR = 16 };

// An activation's tables and constants in registers. The halves of the tables change places, so that the signed number of a
// piece selects from them by its low five bits. Where the function rises, y = base + (slope * r >> shift) + (t - inside) is
// (base - piece start) + ((slope - 2^shift) * r >> shift) + t, because inside = piece start + r.
typedef struct ht_activation_registers {
  __m512i base[2], slope[2], curve[2], last, within;
  __m512 least, most;
  __m128i shift;
} ht_activation_registers;

// HT_FINISH_NORMATIVE: what has no vector form here. BOUNDED and RISING are activations.
enum { HT_FINISH_NORMATIVE, HT_FINISH_F32, HT_FINISH_S8, HT_FINISH_BOUNDED, HT_FINISH_RISING };

typedef struct ht_finisher {
  const ht_epilogue* epilogue;
  int32_t form;
  ht_activation_registers function;
} ht_finisher;

// False where a product of the vector form might leave its type.
static inline bool ht_load_activation(const ht_activation* f, ht_activation_registers* v) {
  const int32_t half = HT_ACTIVATION_PIECES / 2, end = half << f->piece_shift;
  const int32_t rise = f->rises ? 1 << f->piece_shift : 0;
  int32_t base[HT_ACTIVATION_PIECES], slope[HT_ACTIVATION_PIECES], curve[HT_ACTIVATION_PIECES];
  for (int32_t i = 0; i < HT_ACTIVATION_PIECES; ++i) {
    const int32_t piece = i ^ half;
    base[i] = f->base[piece] - (piece - half) * rise;
    slope[i] = f->slope[piece] - rise;
    curve[i] = f->curve[piece];
    const int32_t bend = curve[i] < 0 ? -curve[i] : curve[i], steep = slope[i] < 0 ? -slope[i] : slope[i];
    if (bend > INT16_MAX || bend + steep > 1 << 16) return false;
  }
  for (int32_t i = 0; i < 2; ++i) {
    v->base[i] = _mm512_loadu_si512(base + i * HT_VECTOR);
    v->slope[i] = _mm512_loadu_si512(slope + i * HT_VECTOR);
    v->curve[i] = _mm512_loadu_si512(curve + i * HT_VECTOR);
  }
  v->last = _mm512_set1_epi32(end - 1);
  v->within = _mm512_set1_epi32((1 << f->piece_shift) - 1);
  v->least = _mm512_set1_ps((float)-end);
  v->most = _mm512_set1_ps(f->rises ? (float)HT_REQUANTIZE_LIMIT : (float)(end - 1));
  v->shift = _mm_cvtsi32_si128(f->piece_shift);
  return true;
}

// A multiplier of at most 1/2 keeps every product within the limit of a requantization, so that none needs a clamp.
static inline bool ht_all_small(const float* multiplier, int32_t channels) {
  for (int32_t c = 0; c < channels; ++c)
    if (!(multiplier[c] <= 0.5f && multiplier[c] >= -0.5f)) return false;
  return true;
}

static inline ht_finisher ht_prepare_finish(const ht_epilogue* e, int32_t channels) {
  ht_finisher f;
  f.epilogue = e;
  f.form = HT_FINISH_NORMATIVE;
  if (e->output == HT_OUTPUT_F32) f.form = HT_FINISH_F32;
  if (e->policy != HT_FLOAT_HALF_EVEN) return f;
  if (e->output == HT_OUTPUT_S8 && ht_all_small(e->multiplier.real, channels)) f.form = HT_FINISH_S8;
  if (e->output == HT_OUTPUT_ACTIVATED && ht_all_small(e->second.real, channels) &&
      ht_load_activation(e->activation, &f.function))
    f.form = e->activation->rises ? HT_FINISH_RISING : HT_FINISH_BOUNDED;
  return f;
}

static inline __m512i ht_round_16(__m512 x) { return _mm512_cvt_roundps_epi32(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

static inline __m512i ht_scale_16(__m512i x, __m512 multiplier) {
  return ht_round_16(_mm512_mul_ps(_mm512_cvtepi32_ps(x), multiplier));
}

// A sum requantized to fixed point and the function of it; `rises` is a constant where this is inlined.
static inline __m512i ht_activate_16(const ht_activation_registers* v, __m512i sums, __m512 multiplier, bool rises) {
  const __m512 real = _mm512_mul_ps(_mm512_cvtepi32_ps(sums), multiplier);
  const __m512i t = ht_round_16(_mm512_min_ps(_mm512_max_ps(real, v->least), v->most));
  const __m512i inside = rises ? _mm512_min_epi32(t, v->last) : t;
  const __m512i piece = _mm512_sra_epi32(inside, v->shift);
  const __m512i r = _mm512_and_si512(inside, v->within);
  const __m512i curve = _mm512_permutex2var_epi32(v->curve[0], piece, v->curve[1]);
  const __m512i bend = _mm512_sra_epi32(_mm512_madd_epi16(curve, r), v->shift);
  const __m512i slope = _mm512_add_epi32(_mm512_permutex2var_epi32(v->slope[0], piece, v->slope[1]), bend);
  const __m512i rise = _mm512_sra_epi32(_mm512_mullo_epi32(slope, r), v->shift);
  const __m512i y = _mm512_add_epi32(_mm512_permutex2var_epi32(v->base[0], piece, v->base[1]), rise);
  return rises ? _mm512_add_epi32(y, t) : y;
}

// From a sum to the integer before zero point and clamps; `form` is a constant where this is inlined.
static inline __m512i ht_requantize_16(const ht_activation_registers* v, __m512i sums, __m512 multiplier, __m512 second,
                                       int32_t form) {
  if (form == HT_FINISH_S8) return ht_scale_16(sums, multiplier);
  return ht_scale_16(ht_activate_16(v, sums, multiplier, form == HT_FINISH_RISING), second);
}

// Sixty-four integers to bytes; lane l of the result holds lane l of a, of b, of c and of d. Everything saturates, as the
// clamps do that come last.
static inline __m512i ht_narrow_64(__m512i a, __m512i b, __m512i c, __m512i d, __m512i zero_ab, __m512i zero_cd, __m512i minimum,
                                   __m512i maximum) {
  const __m512i ab = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_ab);
  const __m512i cd = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero_cd);
  return _mm512_min_epi8(_mm512_max_epi8(_mm512_packs_epi16(ab, cd), minimum), maximum);
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

static inline __attribute__((always_inline)) void ht_finish_bytes(const ht_finisher* f, int32_t first, __mmask16 mask,
                                                                  int32_t pixels, const int32_t* sums, int8_t* to, size_t stride,
                                                                  int32_t form) {
  const ht_epilogue* e = f->epilogue;
  const ht_activation_registers v = f->function;  // a copy, because stores of bytes may alias the original
  const __m512 multiplier = _mm512_maskz_loadu_ps(mask, e->multiplier.real + first);
  const __m512 second = form == HT_FINISH_S8 ? multiplier : _mm512_maskz_loadu_ps(mask, e->second.real + first);
  const __m512i minimum = ht_spread_channels(e->minimum + first, mask), maximum = ht_spread_channels(e->maximum + first, mask);
  const __m512i zero_bytes = ht_spread_channels(e->zero_point + first, mask);
  const __m512i zero = _mm512_srai_epi16(_mm512_unpacklo_epi8(zero_bytes, zero_bytes), 8);
  for (int32_t r = 0; r < pixels; r += 4, sums += 4 * HT_VECTOR, to += 4 * stride) {
    const __m512i a = ht_requantize_16(&v, _mm512_loadu_si512(sums), multiplier, second, form);
    const __m512i b = ht_requantize_16(&v, _mm512_loadu_si512(sums + HT_VECTOR), multiplier, second, form);
    const __m512i c = ht_requantize_16(&v, _mm512_loadu_si512(sums + 2 * HT_VECTOR), multiplier, second, form);
    const __m512i d = ht_requantize_16(&v, _mm512_loadu_si512(sums + 3 * HT_VECTOR), multiplier, second, form);
    ht_store_pixels(to, stride, pixels - r, mask, ht_narrow_64(a, b, c, d, zero, zero, minimum, maximum));
  }
}

// sums + r * HT_VECTOR belongs to channels [first, first + count) of pixel r and goes to output[at + r * stride]. There are
// sums for whole fours of pixels, of which the last may be more than are stored.
static inline void ht_finish_block(const ht_finisher* f, int32_t first, int32_t count, int32_t pixels, int32_t* sums,
                                   void* output, size_t at, size_t stride) {
  const ht_epilogue* e = f->epilogue;
  const __mmask16 mask = (__mmask16)((1u << count) - 1u);
  int8_t* bytes = (int8_t*)output + at;
  switch (f->form) {
    case HT_FINISH_F32: {
      const __m512 scale = _mm512_maskz_loadu_ps(mask, e->scale + first);
      float* to = (float*)output + at;
      for (int32_t r = 0; r < pixels; ++r, to += stride)
        _mm512_mask_storeu_ps(to, mask, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_loadu_si512(sums + r * HT_VECTOR)), scale));
      return;
    }
    case HT_FINISH_S8:
      ht_finish_bytes(f, first, mask, pixels, sums, bytes, stride, HT_FINISH_S8);
      return;
    case HT_FINISH_BOUNDED:
      ht_finish_bytes(f, first, mask, pixels, sums, bytes, stride, HT_FINISH_BOUNDED);
      return;
    case HT_FINISH_RISING:
      ht_finish_bytes(f, first, mask, pixels, sums, bytes, stride, HT_FINISH_RISING);
      return;
    default:
      for (int32_t r = 0; r < pixels; ++r) ht_finish(e, first, count, sums + r * HT_VECTOR, output, at + (size_t)r * stride);
  }
}

#endif
