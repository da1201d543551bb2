// SPDX-License-Identifier: Apache-2.0
// Instructions of Arm's DSP extension (Cortex-M4, M7, M33 ...), and what they compute for every other processor.
#ifndef HT_DSP_H
#define HT_DSP_H

#include "kernels/c/ht_kernel.h"
#include "kernels/cortex_m/ht_naked.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP && defined(__thumb2__) && defined(__GNUC__)
#define HT_DSP 1
#else
#define HT_DSP 0
#endif

// A function of its own. Inlined at -O3 for x86, gcc 12 vectorizes its loop with two accumulators, of even and of odd rows, and takes a
// sum that is used as unsigned behind the loop from the second one alone; that happens with small numbers and without undefined behaviour.
#if defined(__GNUC__)
#define HT_ALONE __attribute__((noinline)) static
#else
#define HT_ALONE static
#endif

// A short function within loops that take the time, also where these are compiled for size.
#if defined(__GNUC__)
#define HT_WITHIN __attribute__((always_inline)) static inline
#else
#define HT_WITHIN static inline
#endif

static inline int32_t ht_low_half(uint32_t x) { return (int16_t)(uint16_t)x; }
static inline int32_t ht_high_half(uint32_t x) { return (int16_t)(uint16_t)(x >> 16); }
static inline uint32_t ht_halves(int32_t low, int32_t high) { return (uint32_t)(uint16_t)low | (uint32_t)(uint16_t)high << 16; }

#if HT_DSP

// A word at any address, its first byte lowest.
static inline uint32_t ht_load_word(const int8_t* from) {
  uint32_t word;
  __builtin_memcpy(&word, from, sizeof word);
  return word;
}

// Bytes 0 and 2 of a word, sign-extended to halves; bytes 1 and 3.
static inline uint32_t ht_even_bytes(uint32_t x) {
  uint32_t y;
  __asm__("sxtb16 %0, %1" : "=r"(y) : "r"(x));
  return y;
}
static inline uint32_t ht_odd_bytes(uint32_t x) {
  uint32_t y;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(y) : "r"(x));
  return y;
}

// sum + the products of both halves; of the low halves; of the high ones. Modulo 2^32.
static inline int32_t ht_add_products(uint32_t x, uint32_t y, int32_t sum) {
  __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(y));
  return sum;
}
static inline int32_t ht_add_low_product(uint32_t x, uint32_t y, int32_t sum) {
  __asm__("smlabb %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(y));
  return sum;
}
static inline int32_t ht_add_high_product(uint32_t x, uint32_t y, int32_t sum) {
  __asm__("smlatt %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(y));
  return sum;
}

// sum + floor(x * y / 2^32)
static inline int32_t ht_add_upper_product(int32_t x, int32_t y, int32_t sum) {
  int32_t result;
  __asm__("smmla %0, %1, %2, %3" : "=r"(result) : "r"(x), "r"(y), "r"(sum));
  return result;
}

// The low halves of two words, that of the first one lowest; the high halves.
static inline uint32_t ht_low_halves(uint32_t x, uint32_t y) {
  uint32_t z;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(z) : "r"(x), "r"(y));
  return z;
}
static inline uint32_t ht_high_halves(uint32_t x, uint32_t y) {
  uint32_t z;
  __asm__("pkhtb %0, %2, %1, asr #16" : "=r"(z) : "r"(x), "r"(y));
  return z;
}

static inline int32_t ht_saturate_byte(int32_t x) {
  int32_t y;
  __asm__("ssat %0, #8, %1" : "=r"(y) : "r"(x));
  return y;
}

#else

static inline uint32_t ht_load_word(const int8_t* from) {
  return (uint32_t)(uint8_t)from[0] | (uint32_t)(uint8_t)from[1] << 8 | (uint32_t)(uint8_t)from[2] << 16 |
         (uint32_t)(uint8_t)from[3] << 24;
}
static inline uint32_t ht_even_bytes(uint32_t x) { return ht_halves((int8_t)(uint8_t)x, (int8_t)(uint8_t)(x >> 16)); }
static inline uint32_t ht_odd_bytes(uint32_t x) { return ht_even_bytes(x >> 8); }
static inline int32_t ht_add_low_product(uint32_t x, uint32_t y, int32_t sum) {
  return (int32_t)((uint32_t)sum + (uint32_t)(ht_low_half(x) * ht_low_half(y)));
}
static inline int32_t ht_add_high_product(uint32_t x, uint32_t y, int32_t sum) {
  return (int32_t)((uint32_t)sum + (uint32_t)(ht_high_half(x) * ht_high_half(y)));
}
static inline int32_t ht_add_products(uint32_t x, uint32_t y, int32_t sum) {
  return ht_add_high_product(x, y, ht_add_low_product(x, y, sum));
}
static inline int32_t ht_add_upper_product(int32_t x, int32_t y, int32_t sum) {
  return (int32_t)((uint32_t)sum + (uint32_t)(int32_t)(((int64_t)x * y) >> 32));
}
static inline uint32_t ht_low_halves(uint32_t x, uint32_t y) { return (x & 0xFFFFu) | y << 16; }
static inline uint32_t ht_high_halves(uint32_t x, uint32_t y) { return x >> 16 | (y & 0xFFFF0000u); }
static inline int32_t ht_saturate_byte(int32_t x) { return x < -128 ? -128 : (x > 127 ? 127 : x); }

#endif
#endif
