// SPDX-License-Identifier: Apache-2.0
// The epilogue over a row of channels: sums[i] belongs to output channel `first + i` and goes to output[at + i], or, where channels
// lie in planes, to output[at - first + (first + i) * plane]. `sums` is overwritten on the way.
#ifndef HT_FINISH_H
#define HT_FINISH_H

#include "ht_epilogue.h"
#include "ht_requantize.h"

enum { HT_REQUANTIZE_LIMIT = 1 << 30 };

static inline void ht_requantize_row(int32_t policy, const ht_multiplier* multiplier, int32_t first, int32_t count,
                                     int32_t* values) {
  const int32_t limit = HT_REQUANTIZE_LIMIT;
  if (HT_USES_POLICY(HT_FLOAT_HALF_EVEN) && policy == HT_FLOAT_HALF_EVEN) {
    const float* real = multiplier->real + first;
    for (int32_t i = 0; i < count; ++i) values[i] = ht_requantize_half_even(values[i], real[i], -limit, limit);
    return;
  }
  if (HT_USES_POLICY(HT_FLOAT_HALF_AWAY) && policy == HT_FLOAT_HALF_AWAY) {
    const float* real = multiplier->real + first;
    for (int32_t i = 0; i < count; ++i) values[i] = ht_requantize_half_away(values[i], real[i], -limit, limit);
    return;
  }
  const int32_t* fixed = multiplier->fixed + first;
  const int32_t* shift = multiplier->shift + first;
  if (HT_USES_POLICY(HT_FIXED_SINGLE) && policy == HT_FIXED_SINGLE) {
    for (int32_t i = 0; i < count; ++i) values[i] = ht_requantize_single(values[i], fixed[i], shift[i], -limit, limit);
  } else if (HT_USES_POLICY(HT_FIXED_DOUBLE) && policy == HT_FIXED_DOUBLE) {
    for (int32_t i = 0; i < count; ++i) values[i] = ht_requantize_double(values[i], fixed[i], shift[i], -limit, limit);
  } else if (HT_USES_POLICY(HT_FIXED_RNDNU) && policy == HT_FIXED_RNDNU) {
    for (int32_t i = 0; i < count; ++i) values[i] = ht_requantize_rndnu(values[i], fixed[i], shift[i], -limit, limit);
  } else if (HT_USES_POLICY(HT_SHIFT_HALF_UP)) {
    for (int32_t i = 0; i < count; ++i) values[i] = ht_requantize_shift(values[i], shift[i], -limit, limit);
  }
}

static inline int32_t ht_activate(const ht_activation* f, int32_t t) {
  const int32_t shift = f->piece_shift;
  const int32_t half = HT_ACTIVATION_PIECES / 2;
  const int32_t end = half << shift;
  int32_t inside = ht_clamp(t, -end, end - 1);
  int32_t piece = (inside >> shift) + half;
  int32_t r = inside & ((1 << shift) - 1);
  int32_t slope = f->slope[piece] + ((f->curve[piece] * r) >> shift);
  int32_t beyond = t > inside ? t - inside : 0;
  return f->base[piece] + ((slope * r) >> shift) + (beyond & f->rises);
}

static inline void ht_store_s8(const ht_epilogue* e, int32_t first, int32_t count, const int32_t* HT_RESTRICT values,
                               int8_t* HT_RESTRICT output) {
  const int8_t* zero_point = e->zero_point + first;
  const int8_t* minimum = e->minimum + first;
  const int8_t* maximum = e->maximum + first;
  for (int32_t i = 0; i < count; ++i) output[i] = (int8_t)ht_clamp(values[i] + zero_point[i], minimum[i], maximum[i]);
}

static inline void ht_requantize_leaky(const ht_epilogue* e, int32_t first, int32_t count, int32_t* values) {
  for (int32_t i = 0; i < count; ++i)
    ht_requantize_row(e->policy, values[i] < 0 ? &e->second : &e->multiplier, first + i, 1, values + i);
}

static inline void ht_finish(const ht_epilogue* e, int32_t first, int32_t count, int32_t* HT_RESTRICT sums,
                             void* HT_RESTRICT output, size_t at) {
  if (HT_USES_OUTPUT(HT_OUTPUT_F32) && e->output == HT_OUTPUT_F32) {
    float* HT_RESTRICT out = (float*)output + at;
    const float* scale = e->scale + first;
    if (e->plane != 0) {
      out += (ptrdiff_t)first * (e->plane - 1);
      for (int32_t i = 0; i < count; ++i) out[(ptrdiff_t)i * e->plane] = (float)sums[i] * scale[i];
      return;
    }
    for (int32_t i = 0; i < count; ++i) out[i] = (float)sums[i] * scale[i];
    return;
  }
  if (HT_USES_OUTPUT(HT_OUTPUT_S32) && e->output == HT_OUTPUT_S32) {
    int32_t* HT_RESTRICT out = (int32_t*)output + at;
    for (int32_t i = 0; i < count; ++i) out[i] = sums[i];
    return;
  }
  if (HT_USES_OUTPUT(HT_OUTPUT_LEAKY) && e->output == HT_OUTPUT_LEAKY) {
    ht_requantize_leaky(e, first, count, sums);
  } else {
    ht_requantize_row(e->policy, &e->multiplier, first, count, sums);
  }
  if (HT_USES_OUTPUT(HT_OUTPUT_ACTIVATED) && e->output == HT_OUTPUT_ACTIVATED) {
    for (int32_t i = 0; i < count; ++i) sums[i] = ht_activate(e->activation, sums[i]);
    ht_requantize_row(e->policy, &e->second, first, count, sums);
  }
  ht_store_s8(e, first, count, sums, (int8_t*)output + at);
}

#endif
