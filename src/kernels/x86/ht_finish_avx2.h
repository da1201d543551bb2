// SPDX-License-Identifier: Apache-2.0
// The epilogue of up to eight channels of several pixels in registers; equal to c/ht_finish.h bit for bit.
#ifndef HT_FINISH_AVX2_H
#define HT_FINISH_AVX2_H

#include <immintrin.h>

#include "kernels/x86/ht_finish_fixed.h"
#include "kernels/x86/ht_rising_avx2.h"

enum { HT_VECTOR = 8 };

static inline __m256i ht_requantize_8(__m256i x, __m256 multiplier) {
  const __m256 limit = _mm256_set1_ps((float)HT_REQUANTIZE_LIMIT);
  __m256 y = _mm256_mul_ps(_mm256_cvtepi32_ps(x), multiplier);
  y = _mm256_min_ps(_mm256_max_ps(y, _mm256_sub_ps(_mm256_setzero_ps(), limit)), limit);
  return _mm256_cvtps_epi32(y);
}

// HT_FINISH_NORMATIVE: what has no vector form here.
enum { HT_FINISH_NORMATIVE, HT_FINISH_F32, HT_FINISH_FIXED, HT_FINISH_S8, HT_FINISH_LEAKY, HT_FINISH_RISING, HT_FINISH_ACTIVATED };

// An epilogue made ready once for many blocks.
typedef struct ht_finisher {
  const ht_epilogue* epilogue;
  int32_t form;
  ht_activation_words rising;
} ht_finisher;

static inline ht_finisher ht_prepare_finish(const ht_epilogue* e) {
  ht_finisher f = {.epilogue = e, .form = e->output == HT_OUTPUT_F32 ? HT_FINISH_F32 : HT_FINISH_NORMATIVE};
  if (ht_has_fixed_form(e)) f.form = HT_FINISH_FIXED;
  if (e->policy != HT_FLOAT_HALF_EVEN) return f;
  if (e->output == HT_OUTPUT_S8) f.form = HT_FINISH_S8;
  if (e->output == HT_OUTPUT_LEAKY) f.form = HT_FINISH_LEAKY;
  if (e->output == HT_OUTPUT_ACTIVATED) f.form = ht_make_words(e->activation, &f.rising) ? HT_FINISH_RISING : HT_FINISH_ACTIVATED;
  return f;
}

// The parameters of eight channels.
typedef struct ht_channels {
  __m256 multiplier, second;
  __m256i zero_point;        // sixteen words: those of each half twice, as packed pairs of pixels have them
  __m128i minimum, maximum;  // sixteen bytes: twice
} ht_channels;

static inline ht_channels ht_load_channels(const ht_epilogue* e, int32_t first, int32_t count, bool with_second) {
  const __m256i mask = ht_lanes(count);
  ht_channels c;
  c.multiplier = _mm256_maskload_ps(e->multiplier.real + first, mask);
  c.second = with_second ? _mm256_maskload_ps(e->second.real + first, mask) : c.multiplier;
  const __m256i words = _mm256_castsi128_si256(_mm_cvtepi8_epi16(ht_load_bytes(e->zero_point + first, count)));
  c.zero_point = _mm256_permute4x64_epi64(words, _MM_SHUFFLE(1, 1, 0, 0));
  const __m128i minimum = ht_load_bytes(e->minimum + first, count), maximum = ht_load_bytes(e->maximum + first, count);
  c.minimum = _mm_unpacklo_epi64(minimum, minimum);
  c.maximum = _mm_unpacklo_epi64(maximum, maximum);
  return c;
}

// The sums of two pixels, requantized and brought to bytes: the first one's in the lower half. Packing saturates as the clamp does.
static inline __m128i ht_pack_pair(const ht_channels* c, __m256i x0, __m256i x1) {
  const __m256i words = _mm256_adds_epi16(_mm256_packs_epi32(x0, x1), c->zero_point);
  const __m256i bytes = _mm256_packs_epi16(words, words);
  const __m128i pair = _mm_unpacklo_epi32(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
  return _mm_min_epi8(_mm_max_epi8(pair, c->minimum), c->maximum);
}

static inline __m256i ht_requantize_signed(const ht_channels* c, __m256i x) {
  return ht_requantize_8(x, _mm256_blendv_ps(c->multiplier, c->second, _mm256_castsi256_ps(x)));
}

// Inlined for a constant form.
static inline __attribute__((always_inline)) void ht_finish_bytes(const ht_finisher* f, int32_t first, int32_t count, int32_t pixels,
                                                                  const int32_t* sums, int8_t* to, size_t stride, int32_t form) {
  const ht_channels c = ht_load_channels(f->epilogue, first, count, form != HT_FINISH_S8);
  for (int32_t r = 0; r < pixels; r += 2, to += 2 * stride) {
    const bool is_pair = r + 1 < pixels;
    const int32_t* next = sums + (r + (is_pair ? 1 : 0)) * HT_VECTOR;
    __m256i x0 = _mm256_loadu_si256((const __m256i*)(sums + r * HT_VECTOR)), x1 = _mm256_loadu_si256((const __m256i*)next);
    if (form == HT_FINISH_LEAKY) {
      x0 = ht_requantize_signed(&c, x0);
      x1 = ht_requantize_signed(&c, x1);
    } else {
      x0 = ht_requantize_8(x0, c.multiplier);
      x1 = ht_requantize_8(x1, c.multiplier);
    }
    if (form == HT_FINISH_RISING) ht_activate_rising(&f->rising, &x0, &x1);
    if (form == HT_FINISH_ACTIVATED) {
      x0 = ht_activate_8(f->epilogue->activation, x0);
      x1 = ht_activate_8(f->epilogue->activation, x1);
    }
    if (form == HT_FINISH_RISING || form == HT_FINISH_ACTIVATED) {
      x0 = ht_requantize_8(x0, c.second);
      x1 = ht_requantize_8(x1, c.second);
    }
    const __m128i bytes = ht_pack_pair(&c, x0, x1);
    ht_store_bytes(to, count, bytes);
    if (is_pair) ht_store_bytes(to + stride, count, _mm_unpackhi_epi64(bytes, bytes));
  }
}

// Eight pixels' values of up to eight channels, channel by channel; those behind the last pixel are not stored.
static inline void ht_store_planes(__m256 v[8], int32_t pixels, int32_t count, float* to, ptrdiff_t plane) {
  __m256 a[8];
  for (int32_t i = 0; i < 8; i += 2) {
    a[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
    a[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
  }
  for (int32_t i = 0; i < 8; i += 4) {
    v[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
    v[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
    v[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
    v[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
  }
  const __m256i mask = ht_lanes(pixels);
  for (int32_t c = 0; c < count; ++c)
    _mm256_maskstore_ps(to + c * plane, mask, c < 4 ? _mm256_permute2f128_ps(v[c], v[c + 4], 0x20) : _mm256_permute2f128_ps(v[c - 4], v[c], 0x31));
}

static inline void ht_finish_planes(const ht_epilogue* e, int32_t first, int32_t count, int32_t pixels, const int32_t* sums, float* to) {
  const __m256 scale = _mm256_maskload_ps(e->scale + first, ht_lanes(count));
  to += (ptrdiff_t)first * (e->plane - 1);
  for (int32_t r = 0; r < pixels; r += 8, to += 8, sums += 8 * HT_VECTOR) {
    const int32_t now = pixels - r < 8 ? pixels - r : 8;
    __m256 v[8];
    for (int32_t i = 0; i < 8; ++i)
      v[i] = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i*)(sums + (i < now ? i : 0) * HT_VECTOR))), scale);
    ht_store_planes(v, now, count, to, e->plane);
  }
}

static inline void ht_finish_floats(const ht_epilogue* e, int32_t first, int32_t count, int32_t pixels, const int32_t* sums, float* to,
                                    size_t stride) {
  const __m256i mask = ht_lanes(count);
  const __m256 scale = _mm256_maskload_ps(e->scale + first, mask);
  for (int32_t r = 0; r < pixels; ++r, to += stride) {
    const __m256i x = _mm256_loadu_si256((const __m256i*)(sums + r * HT_VECTOR));
    _mm256_maskstore_ps(to, mask, _mm256_mul_ps(_mm256_cvtepi32_ps(x), scale));
  }
}

// sums + r * HT_VECTOR belongs to channels [first, first + count) of pixel r and goes to output[at + r * stride].
static inline void ht_finish_block(const ht_finisher* f, int32_t first, int32_t count, int32_t pixels, int32_t* sums, void* output,
                                   size_t at, size_t stride) {
  int8_t* bytes = (int8_t*)output + at;
  switch (f->form) {
    case HT_FINISH_F32:
      if (f->epilogue->plane != 0) {
        ht_finish_planes(f->epilogue, first, count, pixels, sums, (float*)output + at);
      } else {
        ht_finish_floats(f->epilogue, first, count, pixels, sums, (float*)output + at, stride);
      }
      return;
    case HT_FINISH_FIXED:
      ht_finish_fixed(f->epilogue, first, count, pixels, sums, HT_VECTOR, bytes, stride);
      return;
    case HT_FINISH_S8:
      ht_finish_bytes(f, first, count, pixels, sums, bytes, stride, HT_FINISH_S8);
      return;
    case HT_FINISH_LEAKY:
      ht_finish_bytes(f, first, count, pixels, sums, bytes, stride, HT_FINISH_LEAKY);
      return;
    case HT_FINISH_RISING:
      ht_finish_bytes(f, first, count, pixels, sums, bytes, stride, HT_FINISH_RISING);
      return;
    case HT_FINISH_ACTIVATED:
      ht_finish_bytes(f, first, count, pixels, sums, bytes, stride, HT_FINISH_ACTIVATED);
      return;
    default:
      for (int32_t r = 0; r < pixels; ++r)
        ht_finish(f->epilogue, first, count, sums + r * HT_VECTOR, output, at + (size_t)r * stride);
  }
}

#endif
