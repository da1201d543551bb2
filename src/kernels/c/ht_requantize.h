// SPDX-License-Identifier: Apache-2.0
// From a wide integer to a narrow one, a function a policy; docs/NUMERICS.md, "Requantization".
// `low` and `high` bound the result before the zero point is added.
#ifndef HT_REQUANTIZE_H
#define HT_REQUANTIZE_H

#include "ht_kernel.h"

static inline int32_t ht_clamp(int32_t x, int32_t low, int32_t high) { return x < low ? low : (x > high ? high : x); }
static inline int64_t ht_clamp_wide(int64_t x, int64_t low, int64_t high) { return x < low ? low : (x > high ? high : x); }

// |x| < 2^31. Below 2^23, adding 2^23 leaves no fraction bits, so that the addition itself rounds half to even; above it
// a float has none.
static inline int32_t ht_round_half_even(float x) {
  float magnitude = x < 0.0f ? -x : x;
  float signed_magic = x < 0.0f ? -8388608.0f : 8388608.0f;
  float magic = magnitude < 8388608.0f ? signed_magic : 0.0f;
  return (int32_t)((x + magic) - magic);
}

// The same for |x| <= 2^22, where 1.5 * 2^23 serves both signs.
static inline int32_t ht_round_small_half_even(float x) { return (int32_t)((x + 12582912.0f) - 12582912.0f); }

static inline int32_t ht_requantize_half_even(int32_t x, float multiplier, int32_t low, int32_t high) {
  float y = (float)x * multiplier;
  float least = (float)low;
  float most = (float)high;
  y = y < least ? least : y;
  y = y > most ? most : y;
  return ht_round_half_even(y);
}

static inline int32_t ht_requantize_half_away(int32_t x, float multiplier, int32_t low, int32_t high) {
  float y = (float)x * multiplier;
  float least = (float)low;
  float most = (float)high;
  y = y < least ? least : y;
  y = y > most ? most : y;
  // Adding one half could round up what is just below it; the fraction itself is exact.
  float magnitude = y < 0.0f ? -y : y;
  int32_t whole = (int32_t)magnitude;
  whole += magnitude - (float)whole >= 0.5f ? 1 : 0;
  return y < 0.0f ? -whole : whole;
}

// multiplier * 2^(shift - 31), shift in [-31, 30].
static inline int32_t ht_requantize_single(int32_t x, int32_t multiplier, int32_t shift, int32_t low, int32_t high) {
  int64_t product = (int64_t)x * multiplier;
  int32_t right = 31 - shift;
  return (int32_t)ht_clamp_wide((product + ((int64_t)1 << (right - 1))) >> right, low, high);
}

// gemmlowp's two roundings: half up at bit 31 of the doubled product, then half away from zero.
static inline int32_t ht_requantize_double(int32_t x, int32_t multiplier, int32_t shift, int32_t low, int32_t high) {
  int64_t shifted = (int64_t)x * ((int64_t)1 << (shift > 0 ? shift : 0));
  shifted = ht_clamp_wide(shifted, INT32_MIN, INT32_MAX);
  int64_t product = shifted * multiplier;
  int64_t nudge = product >= 0 ? ((int64_t)1 << 30) : 1 - ((int64_t)1 << 30);
  int64_t doubled = (product + nudge) / ((int64_t)1 << 31);
  int32_t right = shift < 0 ? -shift : 0;
  int64_t mask = ((int64_t)1 << right) - 1;
  int64_t remainder = doubled & mask;
  int64_t threshold = (mask >> 1) + (doubled < 0 ? 1 : 0);
  return (int32_t)ht_clamp_wide((doubled >> right) + (remainder > threshold ? 1 : 0), low, high);
}

// XNNPACK: a multiplier of 24 bits and a right shift in [1, 55].
static inline int32_t ht_requantize_rndnu(int32_t x, int32_t multiplier, int32_t right, int32_t low, int32_t high) {
  return (int32_t)ht_clamp_wide(((int64_t)x * multiplier + ((int64_t)1 << (right - 1))) >> right, low, high);
}

// x * 2^shift, half up; shift in [-31, 30].
static inline int32_t ht_requantize_shift(int32_t x, int32_t shift, int32_t low, int32_t high) {
  int64_t wide = (int64_t)x * ((int64_t)1 << (shift > 0 ? shift : 0));
  int32_t right = shift < 0 ? -shift : 0;
  int64_t half = right > 0 ? (int64_t)1 << (right - 1) : 0;
  return (int32_t)ht_clamp_wide((wide + half) >> right, low, high);
}

// The multiplier and shift of HT_FIXED_SINGLE and HT_FIXED_DOUBLE for a real number, as TFLite derives them:
// 2^30 <= |multiplier| < 2^31, half away from zero. Below 2^-32 both are 0; false where the shift would exceed 30.
static inline bool ht_quantize_multiplier(double real, int32_t* multiplier, int32_t* shift) {
  double magnitude = real < 0.0 ? -real : real;
  int32_t exponent = 0;
  *multiplier = 0;
  *shift = 0;
  if (!(magnitude < 1073741824.0)) return false;
  if (magnitude < 1.0 / 4294967296.0) return true;
  for (; magnitude >= 1.0; ++exponent) magnitude *= 0.5;
  for (; magnitude < 0.5; --exponent) magnitude *= 2.0;
  int64_t fixed = (int64_t)(magnitude * 2147483648.0 + 0.5);
  if (fixed == (int64_t)1 << 31) {
    fixed /= 2;
    ++exponent;
  }
  *multiplier = (int32_t)(real < 0.0 ? -fixed : fixed);
  *shift = exponent;
  return true;
}

#endif
