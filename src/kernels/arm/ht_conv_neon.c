// SPDX-License-Identifier: Apache-2.0
// Without dot products, bytes are multiplied to 16 bits and pairs of those are added to the sums. Two products of one place fit
// into 16 bits, so they are added there first, unless a weight is -128: then two may be 2^15.
#include "kernels/arm/ht_conv_tiles.h"

enum { kStep = 8, kBytes = kStep * HT_BLOCK };

// [depth / 4][2][2][4 channels][2]: a register is of four channels, two inputs of each in its lower half and the next two in its
// upper one.
static size_t place(size_t depth, size_t lane) {
  return (depth / 4 * 2 + lane / 4) * 16 + depth % 4 / 2 * 8 + lane % 4 * 2 + depth % 2;
}

#define HT_EACH_PIXEL(X, ...) X(0, __VA_ARGS__) X(1, __VA_ARGS__) X(2, __VA_ARGS__) X(3, __VA_ARGS__)

// Eight inputs. The compiler is kept from reading them again, two by two and through a general register.
static inline int16x4_t load_inputs(const int8_t* from) {
  int8x8_t inputs = vld1_s8(from);
  __asm__("" : "+w"(inputs));
  return vreinterpret_s16_s8(inputs);
}

// Adds four inputs' products with four channels; `low` and `high` repeat the first and the last two inputs.
static inline __attribute__((always_inline)) int32x4_t add_products(int32x4_t sum, int8x16_t weights, int8x16_t low,
                                                                    int8x16_t high, bool has_least) {
  const int16x8_t products = vmull_s8(vget_low_s8(weights), vget_low_s8(low));
  if (has_least) return vpadalq_s16(vpadalq_s16(sum, products), vmull_high_s8(weights, high));
  return vpadalq_s16(sum, vmlal_high_s8(products, weights, high));
}

// Four pixels by eight or, with the next block, sixteen channels. Inlined for constants.
static inline __attribute__((always_inline)) void multiply(const int8_t* patches, size_t pitch, size_t depth,
                                                           const ht_block* block, const ht_block* next, bool pair, bool has_least,
                                                           int32_t* sums) {
  const int8_t *w = ht_block_weights(block), *v = ht_block_weights(next);
#define HT_START(r, ...)                                                                                    \
  int32x4_t a##r = vld1q_s32(block->bias), b##r = vld1q_s32(block->bias + 4), c##r = vld1q_s32(next->bias), \
            d##r = vld1q_s32(next->bias + 4);
  HT_EACH_PIXEL(HT_START, )
#define HT_REPEAT(r, at) vreinterpretq_s8_s16(vdupq_lane_s16(x##r, at))
#define HT_INPUTS(r, at) const int8x16_t low##r = HT_REPEAT(r, at), high##r = HT_REPEAT(r, at + 1);
#define HT_ADD(r, sum) sum##r = add_products(sum##r, weights, low##r, high##r, has_least);
#define HT_FOUR(sum, from)                    \
  {                                           \
    const int8x16_t weights = vld1q_s8(from); \
    HT_EACH_PIXEL(HT_ADD, sum)                \
  }
#define HT_HALF(half)                  \
  {                                    \
    HT_EACH_PIXEL(HT_INPUTS, 2 * half) \
    HT_FOUR(a, w + half * 32);         \
    HT_FOUR(b, w + half * 32 + 16);    \
    if (pair) {                        \
      HT_FOUR(c, v + half * 32);       \
      HT_FOUR(d, v + half * 32 + 16);  \
    }                                  \
  }
  for (size_t k = 0; k < depth; k += kStep, w += kBytes, v += kBytes) {
#define HT_LOAD(r, ...) const int16x4_t x##r = load_inputs(patches + r * pitch + k);
    HT_EACH_PIXEL(HT_LOAD, );
    HT_HALF(0);
    HT_HALF(1);
  }
#define HT_STORE(r, ...)                                  \
  vst1q_s32(sums + r * HT_VECTOR, a##r);                  \
  vst1q_s32(sums + r * HT_VECTOR + 4, b##r);              \
  if (pair) {                                             \
    vst1q_s32(sums + r * HT_VECTOR + HT_BLOCK, c##r);     \
    vst1q_s32(sums + r * HT_VECTOR + HT_BLOCK + 4, d##r); \
  }
  HT_EACH_PIXEL(HT_STORE, )
}

// All four pixels are always multiplied: `few` would spare little.
HT_DEFINE_MULTIPLY(block->has_least[0] || next->has_least[0])

static const ht_conv_form kForm = {4, kStep, place, multiply_1, multiply_2};
HT_DEFINE_CONV(neon, kForm)
