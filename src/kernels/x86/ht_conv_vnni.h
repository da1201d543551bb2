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
#define HT_PIN_A(r) __asm__ volatile("" : "+v"(a##r)::"memory");
#define HT_PIN_B(r) __asm__ volatile("" : "+v"(b##r)::"memory");

// Pixels from `first` on, as many as registers hold, finished there. `form` is HT_FINISH_S8 or HT_FINISH_S8_LARGE.
#define HT_MULTIPLY_AND_FINISH(name, form)                                                                                        \
  static void ht_multiply_1_##name(const ht_patches* p, int32_t first, const char* block, const ht_channels* c, int8_t* to, size_t stride) { \
    HT_SUM_1(16)                                                                                                                  \
    HT_EACH_16(HT_PIN_A)                                                                                                          \
    __m512i s[] = {HT_EACH_16(HT_LIST_A)};                                                                                        \
    ht_finish_single(c, s, to, stride, form);                                                                                     \
  }                                                                                                                               \
  static void ht_multiply_2_##name(const ht_patches* p, int32_t first, const char* block, size_t bytes, const ht_channels* c,     \
                                   int8_t* to, size_t stride) {                                                                   \
    HT_SUM_2(8)                                                                                                                   \
    HT_EACH_8(HT_PIN_A) HT_EACH_8(HT_PIN_B)                                                                                       \
    __m512i s[] = {HT_EACH_8(HT_LIST_A) HT_EACH_8(HT_LIST_B)};                                                                    \
    ht_finish_pair(c, s, to, stride, form);                                                                                       \
  }
HT_MULTIPLY_AND_FINISH(s8, HT_FINISH_S8)
HT_MULTIPLY_AND_FINISH(s8_large, HT_FINISH_S8_LARGE)

// One block or two of a tile's pixels.
typedef struct ht_blocks {
  const char* weights;
  size_t bytes;             // from one block's weights to the next one's
  int32_t first, channels;  // of the output
  bool two;
} ht_blocks;

// As many of `valid` pixels as fill registers, where the epilogue allows; returns how many.
static inline int32_t ht_convolve_in_registers(const ht_finisher* f, const ht_patches* patches, int32_t valid, const ht_blocks* b, int8_t* to, size_t stride) {
  const int32_t pixels = b->two ? HT_PAIR_PIXELS : HT_REGISTER_PIXELS;
  if (valid < pixels || (f->form != HT_FINISH_S8 && f->form != HT_FINISH_S8_LARGE)) return 0;
  const bool large = f->form == HT_FINISH_S8_LARGE;
  const uint32_t mask = b->channels >= 32 ? ~0u : (1u << b->channels) - 1u;
  const ht_channels c[2] = {ht_load_channels(f->epilogue, b->first, (__mmask16)mask, f->form),
                            ht_load_channels(f->epilogue, b->first + HT_VECTOR, (__mmask16)(mask >> 16), f->form)};
  int32_t r = 0;
  for (; r + pixels <= valid; r += pixels, to += (size_t)pixels * stride) {
    if (b->two) {
      (large ? ht_multiply_2_s8_large : ht_multiply_2_s8)(patches, r, b->weights, b->bytes, c, to, stride);
    } else {
      (large ? ht_multiply_1_s8_large : ht_multiply_1_s8)(patches, r, b->weights, c, to, stride);
    }
  }
  return r;
}

// The same, and the rest by way of `sums`.
static inline void ht_convolve_blocks(const ht_finisher* f, const ht_patches* patches, int32_t valid, const ht_blocks* b, int32_t* sums, void* output,
                                      size_t at, size_t stride) {
  const int32_t done = ht_convolve_in_registers(f, patches, valid, b, (int8_t*)output + at, stride);
  if (done == valid) return;
  ht_multiply_tile(patches, done, valid, b->weights, b->bytes, b->two, sums);
  for (int32_t c = 0; c < b->channels; c += HT_VECTOR, sums += HT_MOST_PIXELS * HT_VECTOR)
    ht_finish_block(f, b->first + c, b->channels - c < HT_VECTOR ? b->channels - c : HT_VECTOR, valid - done, sums, output,
                    at + (size_t)done * stride + (size_t)c, stride);
}

// The blocks [begin, end) of a group's output channels, of `valid` pixels, at most a tile's; `begin` is even. `sums` has room for
// HT_TILE_SUMS.
static inline void ht_convolve_tile(const ht_conv_params* p, const ht_finisher* f, int32_t group, int32_t begin, int32_t end,
                                    const ht_patches* patches, int32_t valid, int32_t* sums, void* output, size_t at) {
  const size_t bytes = ht_block_bytes((size_t)patches->count * patches->depth);
  const int32_t outputs = ht_group_outputs(p);
  const char* packed = (const char*)p->packed + (size_t)group * (size_t)ht_channel_blocks(p) * bytes;
  for (int32_t block = begin; block < end; block += 2) {
    const int32_t first = block * HT_VECTOR, left = outputs - first;
    const ht_blocks blocks = {packed + (size_t)block * bytes, bytes, group * outputs + first, left < 2 * HT_VECTOR ? left : 2 * HT_VECTOR, left > HT_VECTOR};
    ht_convolve_blocks(f, patches, valid, &blocks, sums, output, at + (size_t)blocks.first, (size_t)p->output_stride);
  }
}

#endif
