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

// x * multiplier in double. |result| <= HT_S16_LIMIT.
static inline int32_t ht_requantize_s16_float(int64_t x, float multiplier, bool half_even) {
  const double limit = (double)HT_S16_LIMIT;
  double y = (double)x * (double)multiplier;
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
    for (int32_t i = 0; i < count; ++i) out[i] = (float)((double)sums[i] * (double)e->scale[first + i]);
    return;
  }
  int16_t* HT_RESTRICT out = (int16_t*)output + at;
  const bool is_float = (HT_USES_POLICY(HT_FLOAT_HALF_EVEN) && e->policy == HT_FLOAT_HALF_EVEN) ||
                        (HT_USES_POLICY(HT_FLOAT_HALF_AWAY) && e->policy == HT_FLOAT_HALF_AWAY);
  for (int32_t i = 0; i < count; ++i) {
    const int32_t c = first + i;
    const int32_t y = is_float ? ht_requantize_s16_float(sums[i], e->multiplier.real[c], e->policy == HT_FLOAT_HALF_EVEN)
                               : ht_requantize_s16_fixed(sums[i], e->multiplier.fixed[c], e->multiplier.shift[c]);
    out[i] = (int16_t)ht_clamp(y + s16->zero_point[c], s16->minimum[c], s16->maximum[c]);
  }
}

#endif
