// SPDX-License-Identifier: Apache-2.0
// A dot product instruction multiplies four channels by four inputs of one pixel.
#include "kernels/arm/ht_conv_tiles.h"

enum { kStep = 4, kBytes = kStep * HT_BLOCK };

// [depth / 4][8 channels][4]
static size_t place(size_t depth, size_t lane) { return depth / kStep * kBytes + lane * kStep + depth % kStep; }

#define HT_EACH_PIXEL(X, ...) \
  X(0, __VA_ARGS__) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__) X(4, __VA_ARGS__) X(5, __VA_ARGS__)

// Four inputs in each lane.
static inline int8x16_t load_four(const int8_t* from) {
  int32_t four;
  __builtin_memcpy(&four, from, sizeof(four));
  return vreinterpretq_s8_s32(vdupq_n_s32(four));
}

// The products of four channels' weights with the inputs of one lane; of all channels.
#define HT_DOT(r, sum, lane) \
  if (r < 2 || !few) sum##r = vdotq_laneq_s32(sum##r, weights, x##r, lane);
#define HT_FOUR(sum, from, lane)              \
  {                                           \
    const int8x16_t weights = vld1q_s8(from); \
    HT_EACH_PIXEL(HT_DOT, sum, lane)          \
  }
#define HT_STEP(lane)                         \
  HT_FOUR(a, w + lane * kBytes, lane);        \
  HT_FOUR(b, w + lane * kBytes + 16, lane);   \
  if (pair) {                                 \
    HT_FOUR(c, v + lane * kBytes, lane);      \
    HT_FOUR(d, v + lane * kBytes + 16, lane); \
  }
#define HT_LOAD(r, load) const int8x16_t x##r = load(patches + r * pitch + k);

// Six pixels by eight or, with the next block, sixteen channels. Inlined for constants.
static inline __attribute__((always_inline)) void multiply(const int8_t* patches, size_t pitch, size_t depth,
                                                           const ht_block* block, const ht_block* next, bool pair, bool few,
                                                           int32_t* sums) {
  const int8_t *w = ht_block_weights(block), *v = ht_block_weights(next);
#define HT_START(r, ...)                                                      \
  int32x4_t a##r = vld1q_s32(block->bias), b##r = vld1q_s32(block->bias + 4); \
  int32x4_t c##r = vld1q_s32(next->bias), d##r = vld1q_s32(next->bias + 4);
  HT_EACH_PIXEL(HT_START, )
  size_t k = 0;
  for (; k + 4 * kStep <= depth; k += 4 * kStep, w += 4 * kBytes, v += 4 * kBytes) {
    HT_EACH_PIXEL(HT_LOAD, vld1q_s8)
    HT_STEP(0)
    HT_STEP(1)
    HT_STEP(2)
    HT_STEP(3)
  }
  for (; k < depth; k += kStep, w += kBytes, v += kBytes) {
    HT_EACH_PIXEL(HT_LOAD, load_four)
    HT_STEP(0)
  }
#define HT_STORE(r, ...)                                  \
  if (r >= 2 && few) return;                              \
  vst1q_s32(sums + r * HT_VECTOR, a##r);                  \
  vst1q_s32(sums + r * HT_VECTOR + 4, b##r);              \
  if (pair) {                                             \
    vst1q_s32(sums + r * HT_VECTOR + HT_BLOCK, c##r);     \
    vst1q_s32(sums + r * HT_VECTOR + HT_BLOCK + 4, d##r); \
  }
  HT_EACH_PIXEL(HT_STORE, )
}

HT_DEFINE_MULTIPLY(few)

static const ht_conv_form kForm = {6, kStep, place, multiply_1, multiply_2};
HT_DEFINE_CONV(dotprod, kForm)
