// SPDX-License-Identifier: Apache-2.0
// A matrix product instruction multiplies two pixels by two channels, eight deep.
#include "kernels/arm/ht_conv_tiles.h"

enum { kStep = 8, kBytes = kStep * HT_BLOCK };

// [depth / 8][8 channels][8]
static size_t place(size_t depth, size_t lane) { return depth / kStep * kBytes + lane * kStep + depth % kStep; }

#define HT_EACH_PAIR(X, ...) X(0, __VA_ARGS__) X(1, __VA_ARGS__) X(2, __VA_ARGS__)

static inline int32x4_t load_bias(const int32_t* from) { return vcombine_s32(vld1_s32(from), vld1_s32(from)); }

// Sums of two channels of a pair of pixels, and of the next two channels, to four channels of each pixel.
static inline void store(int32_t* sums, int32x4_t two, int32x4_t next) {
  const int64x2_t first = vreinterpretq_s64_s32(two), second = vreinterpretq_s64_s32(next);
  vst1q_s32(sums, vreinterpretq_s32_s64(vzip1q_s64(first, second)));
  vst1q_s32(sums + HT_VECTOR, vreinterpretq_s32_s64(vzip2q_s64(first, second)));
}

// Six pixels by eight or, with the next block, sixteen channels. Inlined for constants.
static inline __attribute__((always_inline)) void multiply(const int8_t* patches, size_t pitch, size_t depth,
                                                           const ht_block* block, const ht_block* next, bool pair, bool few,
                                                           int32_t* sums) {
  const int8_t *w = ht_block_weights(block), *v = ht_block_weights(next);
#define HT_START(r, ...)                                                                                         \
  int32x4_t a##r = load_bias(block->bias), b##r = load_bias(block->bias + 2), c##r = load_bias(block->bias + 4), \
            d##r = load_bias(block->bias + 6), e##r = load_bias(next->bias), f##r = load_bias(next->bias + 2),   \
            g##r = load_bias(next->bias + 4), h##r = load_bias(next->bias + 6);
  HT_EACH_PAIR(HT_START, )
#define HT_MULTIPLY(r, sum) \
  if (r < 1 || !few) sum##r = vmmlaq_s32(sum##r, x##r, weights);
#define HT_TWO(sum, from)                     \
  {                                           \
    const int8x16_t weights = vld1q_s8(from); \
    HT_EACH_PAIR(HT_MULTIPLY, sum)            \
  }
  for (size_t k = 0; k < depth; k += kStep, w += kBytes, v += kBytes) {
#define HT_LOAD(r, ...) \
  const int8x16_t x##r = vcombine_s8(vld1_s8(patches + 2 * r * pitch + k), vld1_s8(patches + (2 * r + 1) * pitch + k));
    HT_EACH_PAIR(HT_LOAD, )
    HT_TWO(a, w);
    HT_TWO(b, w + 16);
    HT_TWO(c, w + 32);
    HT_TWO(d, w + 48);
    if (pair) {
      HT_TWO(e, v);
      HT_TWO(f, v + 16);
      HT_TWO(g, v + 32);
      HT_TWO(h, v + 48);
    }
  }
#define HT_STORE(r, ...)                                        \
  if (r >= 1 && few) return;                                    \
  store(sums + 2 * r * HT_VECTOR, a##r, b##r);                  \
  store(sums + 2 * r * HT_VECTOR + 4, c##r, d##r);              \
  if (pair) {                                                   \
    store(sums + 2 * r * HT_VECTOR + HT_BLOCK, e##r, f##r);     \
    store(sums + 2 * r * HT_VECTOR + HT_BLOCK + 4, g##r, h##r); \
  }
  HT_EACH_PAIR(HT_STORE, )
}

HT_DEFINE_MULTIPLY(few)

static const ht_conv_form kForm = {6, kStep, place, multiply_1, multiply_2};
HT_DEFINE_CONV(i8mm, kForm)
