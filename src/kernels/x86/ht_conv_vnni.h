// SPDX-License-Identifier: Apache-2.0
// Tiles of pixels by blocks of sixteen output channels, multiplied by AVX-512 VNNI. vpdpbusd multiplies unsigned by signed bytes, so
// activations enter as q + 128. Registers hold the sums of eight pixels by two blocks or of sixteen by one. The epilogue takes a whole tile at once, because it loads its tables
// anew each time, and blocks of weights too large for the nearest cache are read once for all of its pixels.
#ifndef HT_CONV_VNNI_H
#define HT_CONV_VNNI_H

#include "kernels/x86/ht_conv_avx512.h"

enum { HT_PAIR_PIXELS = 8, HT_REGISTER_PIXELS = 16, HT_MOST_PIXELS = 64, HT_TILE_SUMS = 2 * HT_MOST_PIXELS * HT_VECTOR };

// The inputs of pixel r are `count` rows of `depth` bytes, a multiple of four, that begin at rows[i] + r * step.
typedef struct ht_patches {
  const uint8_t* const* rows;
  int32_t count;
  size_t depth, step;
} ht_patches;

#define HT_EACH_1(X) X(0)
#define HT_EACH_4(X) X(0) X(1) X(2) X(3)
#define HT_EACH_8(X) HT_EACH_4(X) X(4) X(5) X(6) X(7)
#define HT_EACH_16(X) HT_EACH_8(X) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)

static inline __m512i ht_broadcast_four(const uint8_t* from) {
  int32_t four;
  __builtin_memcpy(&four, from, sizeof(four));
  return _mm512_set1_epi32(four);
}

#define HT_START_1(r) __m512i a##r = _mm512_loadu_si512(block);
#define HT_STEP_1(r) a##r = _mm512_dpbusd_epi32(a##r, ht_broadcast_four((r < 8 ? from : far) + r % 8 * step + k), w0);
#define HT_STORE_1(r) _mm512_storeu_si512(sums + r * HT_VECTOR, a##r);

#define HT_START_2(r) __m512i a##r = _mm512_loadu_si512(block), b##r = _mm512_loadu_si512(block + bytes);
#define HT_STEP_2(r)                                              \
  {                                                               \
    const __m512i x = ht_broadcast_four(from + r * step + k);     \
    a##r = _mm512_dpbusd_epi32(a##r, x, w0);                      \
    b##r = _mm512_dpbusd_epi32(b##r, x, w1);                      \
  }
#define HT_STORE_2(r)                              \
  _mm512_storeu_si512(sums + r * HT_VECTOR, a##r); \
  _mm512_storeu_si512(sums + (HT_MOST_PIXELS + r) * HT_VECTOR, b##r);

// The sums of pixels from `first` on by one block, in a0, a1, ..., or by two adjacent ones, in b0, b1, ... too. Weights come ahead of their
// use, because hardware starts anew at each page.
#define HT_SUM_1(pixels)                                                                \
  const char* w = block + HT_VECTOR * sizeof(int32_t);                                  \
  const size_t depth = p->depth, step = p->step;                                        \
  HT_EACH_##pixels(HT_START_1) for (int32_t i = 0; i < p->count; ++i) {                 \
    const uint8_t *from = p->rows[i] + (size_t)first * step, *far = from + 8 * step;    \
    for (size_t k = 0; k < depth; k += 4, w += 64) {                                    \
      const __m512i w0 = _mm512_loadu_si512(w);                                         \
      HT_EACH_##pixels(HT_STEP_1)                                                       \
    }                                                                                   \
  }
#define HT_SUM_2(pixels)                                                                \
  const char* w = block + HT_VECTOR * sizeof(int32_t);                                  \
  const size_t depth = p->depth, step = p->step;                                        \
  HT_EACH_##pixels(HT_START_2) for (int32_t i = 0; i < p->count; ++i) {                 \
    const uint8_t* from = p->rows[i] + (size_t)first * step;                            \
    for (size_t k = 0; k < depth; k += 4, w += 64) {                                    \
      const __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + bytes);     \
      _mm_prefetch(w + 2048, _MM_HINT_T0), _mm_prefetch(w + bytes + 2048, _MM_HINT_T0); \
      HT_EACH_##pixels(HT_STEP_2)                                                       \
    }                                                                                   \
  }

// The sums of pixel r go to sums + r * HT_VECTOR; those of a second block follow the tile's of the first.
#define HT_MULTIPLY_1(pixels)                                                                                              \
  static void ht_multiply_1_##pixels(const ht_patches* p, int32_t first, const char* block, int32_t* sums) {               \
    HT_SUM_1(pixels) HT_EACH_##pixels(HT_STORE_1)                                                                          \
  }
#define HT_MULTIPLY_2(pixels)                                                                                              \
  static void ht_multiply_2_##pixels(const ht_patches* p, int32_t first, const char* block, size_t bytes, int32_t* sums) { \
    HT_SUM_2(pixels) HT_EACH_##pixels(HT_STORE_2)                                                                          \
  }
HT_MULTIPLY_1(1)
HT_MULTIPLY_1(4)
HT_MULTIPLY_1(8)
HT_MULTIPLY_1(16)
HT_MULTIPLY_2(1)
HT_MULTIPLY_2(4)
HT_MULTIPLY_2(8)

// The pixels [first, valid) of a tile by one block or two; `sums` are those of `first`.
static inline void ht_multiply_tile(const ht_patches* p, int32_t first, int32_t valid, const char* block, size_t bytes, bool two, int32_t* sums) {
  const int32_t most = two ? HT_PAIR_PIXELS : HT_REGISTER_PIXELS;
  for (int32_t r = first; r < valid; r += most, sums += most * HT_VECTOR) {
    const int32_t count = valid - r;
    if (two) {
      (count > 4 ? ht_multiply_2_8 : count > 1 ? ht_multiply_2_4 : ht_multiply_2_1)(p, r, block, bytes, sums);
    } else {
      (count > 8 ? ht_multiply_1_16 : count > 4 ? ht_multiply_1_8 : count > 1 ? ht_multiply_1_4 : ht_multiply_1_1)(p, r, block, sums);
    }
  }
}

#define HT_LIST_A(r) a##r,
#define HT_LIST_B(r) b##r,
// Keeps the compiler from copying sums within the loop, and from loading there what is needed behind it.
#define HT_PIN(r) __asm__ volatile("" : "+v"(a##r), "+v"(b##r)::"memory");

// Eight pixels from `first` on by two full blocks, finished without leaving the registers.
static inline __attribute__((always_inline)) void ht_multiply_and_finish(const ht_patches* p, int32_t first, const char* block, size_t bytes,
                                                                         const ht_channels c[2], int8_t* to, size_t stride, int32_t form) {
  HT_SUM_2(8)
  HT_EACH_8(HT_PIN)
  __m512i s[] = {HT_EACH_8(HT_LIST_A) HT_EACH_8(HT_LIST_B)};
  ht_finish_pair(c, s, to, stride, form);
}
static void ht_multiply_and_finish_s8(const ht_patches* p, int32_t first, const char* block, size_t bytes, const ht_channels c[2], int8_t* to,
                                      size_t stride) {
  ht_multiply_and_finish(p, first, block, bytes, c, to, stride, HT_FINISH_S8);
}
static void ht_multiply_and_finish_s8_large(const ht_patches* p, int32_t first, const char* block, size_t bytes, const ht_channels c[2], int8_t* to,
                                            size_t stride) {
  ht_multiply_and_finish(p, first, block, bytes, c, to, stride, HT_FINISH_S8_LARGE);
}

// As many whole eights of `valid` pixels as there are, by two full blocks; returns how many pixels those are. None where the epilogue
// has another form.
static inline int32_t ht_convolve_pairs(const ht_finisher* f, const ht_patches* patches, int32_t valid, const char* block, size_t bytes, int32_t channel,
                                        int8_t* to, size_t stride) {
  if (f->form != HT_FINISH_S8 && f->form != HT_FINISH_S8_LARGE) return 0;
  const ht_channels c[2] = {ht_load_channels(f->epilogue, channel, 0xffff, f->form), ht_load_channels(f->epilogue, channel + HT_VECTOR, 0xffff, f->form)};
  int32_t r = 0;
  for (; r + HT_PAIR_PIXELS <= valid; r += HT_PAIR_PIXELS)
    (f->form == HT_FINISH_S8 ? ht_multiply_and_finish_s8 : ht_multiply_and_finish_s8_large)(patches, r, block, bytes, c, to + (size_t)r * stride, stride);
  return r;
}

// All output channels of a group of `valid` pixels, at most a tile's. `sums` has room for HT_TILE_SUMS.
static inline void ht_convolve_tile(const ht_conv_params* p, const ht_finisher* f, int32_t group, const ht_patches* patches, int32_t valid,
                                    int32_t* sums, void* output, size_t at) {
  const size_t bytes = ht_block_bytes((size_t)patches->count * patches->depth);
  const int32_t outputs = ht_group_outputs(p), count = ht_channel_blocks(p);
  const char* packed = (const char*)p->packed + (size_t)group * (size_t)count * bytes;
  for (int32_t block = 0; block < count;) {
    const int32_t pair = block + 2 <= count ? 2 : 1;
    const char* weights = packed + (size_t)block * bytes;
    const size_t stride = (size_t)p->output_stride, to = at + (size_t)(group * outputs + block * HT_VECTOR);
    const bool full = outputs - block * HT_VECTOR >= 2 * HT_VECTOR;
    const int32_t done = full ? ht_convolve_pairs(f, patches, valid, weights, bytes, group * outputs + block * HT_VECTOR, (int8_t*)output + to, stride) : 0;
    ht_multiply_tile(patches, done, valid, weights, bytes, pair == 2, sums + done * HT_VECTOR);
    for (int32_t i = 0; i < pair; ++i, ++block) {
      const int32_t first = block * HT_VECTOR;
      const int32_t channels = outputs - first < HT_VECTOR ? outputs - first : HT_VECTOR;
      if (done < valid)
        ht_finish_block(f, group * outputs + first, channels, valid - done, sums + (i * HT_MOST_PIXELS + done) * HT_VECTOR, output,
                        at + (size_t)(group * outputs + first) + (size_t)done * stride, stride);
    }
  }
}

#endif
