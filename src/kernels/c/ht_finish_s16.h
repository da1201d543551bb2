// SPDX-License-Identifier: Apache-2.0
// The epilogue of sums that need more than 32 bits; docs/NUMERICS.md, "16-bit activations".
#ifndef HT_FINISH_S16_H
#define HT_FINISH_S16_H

#include "ht_epilogue.h"
#include "ht_requantize.h"

// Of HT_OUTPUT_S16, a number a channel: clamp(requantize(sum) + zero_point, minimum, maximum).
typedef struct ht_output_s16 {
  const int16_t* zero_point;
  const int16_t* minimum;
  const int16_t* maximum;
} ht_output_s16;

enum { HT_S16_LIMIT = 1 << 17 };  // beyond what any zero point brings back into 16 bits

// Exact, a sum having at most 47 bits. AVX2 has no instruction for that: there the sum becomes the fraction of a double.
static inline double ht_double_of_sum(int64_t x) {
#if defined(__AVX2__) && !defined(__AVX512DQ__)
  union {
    int64_t bits;
    double value;
  } shifted;
  shifted.bits = x + 0x4338000000000000;
  return shifted.value - 6755399441055744.0;
#else
  return (double)x;
#endif
}

// x * multiplier in double. |result| <= HT_S16_LIMIT.
static inline int32_t ht_requantize_s16_float(int64_t x, float multiplier, bool half_even) {
  const double limit = (double)HT_S16_LIMIT;
  double y = ht_double_of_sum(x) * (double)multiplier;
  y = y < -limit ? -limit : y;
  y = y > limit ? limit : y;
  if (half_even) return (int32_t)((y + 6755399441055744.0) - 6755399441055744.0);
  const double magnitude = y < 0.0 ? -y : y;
  int32_t whole = (int32_t)magnitude;
  whole += magnitude - (double)whole >= 0.5 ? 1 : 0;
  return y < 0.0 ? -whole : whole;
}

// TFLite's form for sums of 16-bit activations: a multiplier of 15 bits, one rounding half up. |x| < 2^47, 1 <= right <= 62.
static inline int32_t ht_requantize_s16_fixed(int64_t x, int32_t multiplier, int32_t right) {
  const int64_t rounded = (x * multiplier + ((int64_t)1 << (right - 1))) >> right;
  return (int32_t)ht_clamp_wide(rounded, -HT_S16_LIMIT, HT_S16_LIMIT);
}

static inline void ht_finish_s16(const ht_epilogue* e, const ht_output_s16* s16, int32_t first, int32_t count,
                                 const int64_t* HT_RESTRICT sums, void* HT_RESTRICT output, size_t at) {
  if (HT_USES_OUTPUT(HT_OUTPUT_F32) && e->output == HT_OUTPUT_F32) {
    float* HT_RESTRICT out = (float*)output + at;
    for (int32_t i = 0; i < count; ++i) out[i] = (float)(ht_double_of_sum(sums[i]) * (double)e->scale[first + i]);
    return;
  }
  int16_t* HT_RESTRICT out = (int16_t*)output + at;
  const int16_t *HT_RESTRICT zero_point = s16->zero_point + first, *HT_RESTRICT minimum = s16->minimum + first,
                *HT_RESTRICT maximum = s16->maximum + first;
#define HT_EACH_SUM(requantized) \
  for (int32_t i = 0; i < count; ++i) out[i] = (int16_t)ht_clamp((requantized) + zero_point[i], minimum[i], maximum[i])
  if (HT_USES_POLICY(HT_FLOAT_HALF_EVEN) && e->policy == HT_FLOAT_HALF_EVEN) {
    const float* HT_RESTRICT m = e->multiplier.real + first;
    HT_EACH_SUM(ht_requantize_s16_float(sums[i], m[i], true));
  } else if (HT_USES_POLICY(HT_FLOAT_HALF_AWAY) && e->policy == HT_FLOAT_HALF_AWAY) {
    const float* HT_RESTRICT m = e->multiplier.real + first;
    HT_EACH_SUM(ht_requantize_s16_float(sums[i], m[i], false));
  } else {
    const int32_t *HT_RESTRICT m = e->multiplier.fixed + first, *HT_RESTRICT shift = e->multiplier.shift + first;
    HT_EACH_SUM(ht_requantize_s16_fixed(sums[i], m[i], shift[i]));
  }
#undef HT_EACH_SUM
}

#endif
