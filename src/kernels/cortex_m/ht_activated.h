// SPDX-License-Identifier: Apache-2.0
// The epilogue HT_OUTPUT_ACTIVATED under FIXED_SINGLE with multiplications of 32 bits (ht_packed_dsp.h says why they are enough): both
// of its multipliers, packed before what a kernel for any epilogue packs. Bounds are those of a layer.
#ifndef HT_ACTIVATED_H
#define HT_ACTIVATED_H

#include "kernels/c/ht_finish.h"
#include "kernels/cortex_m/ht_dsp.h"
#include "kernels/cortex_m/ht_mve.h"
#if HT_MVE
#include <arm_mve.h>
#endif

// Behind it five arrays with an element a channel: multipliers and second multipliers in 32 bits, shifts, second shifts and zero points
// in 8, filled up to a multiple of four. The first ones lead to fixed point, the second ones to the output.
typedef struct ht_activated_layer {
  int32_t lift, second_lift;
  int32_t minimum, maximum;
} ht_activated_layer;

typedef struct ht_activated_arrays {
  const int32_t *multiplier, *second_multiplier;
  const int8_t *shift, *second_shift, *zero_point;
} ht_activated_arrays;

static inline size_t ht_activated_bytes(int32_t channels) {
  return sizeof(ht_activated_layer) + ((size_t)channels * (2 * sizeof(int32_t) + 3 * sizeof(int8_t)) + 3) / 4 * 4;
}

// `packed` is what lies behind.
static inline const ht_activated_layer* ht_activated_of(const void* packed, int32_t channels) {
  return (const ht_activated_layer*)((const char*)packed - ht_activated_bytes(channels));
}

static inline ht_activated_arrays ht_activated_arrays_of(const ht_activated_layer* layer, int32_t channels) {
  const int32_t* multiplier = (const int32_t*)(layer + 1);
  const int8_t* shift = (const int8_t*)(multiplier + 2 * (ptrdiff_t)channels);
  const ht_activated_arrays arrays = {multiplier, multiplier + channels, shift, shift + channels, shift + 2 * (ptrdiff_t)channels};
  return arrays;
}

// Rounded half up; the shift is at least 1.
static inline int32_t ht_multiply_fixed(int32_t x, int32_t lift, int32_t multiplier, int32_t shift) {
  return ht_add_upper_product((int32_t)((uint32_t)x << lift), multiplier, (int32_t)1 << (shift - 1)) >> shift;
}

static inline int8_t ht_activated_value(const ht_activated_layer* layer, const ht_activated_arrays* a, const ht_activation* function,
                                        int32_t channel, int32_t sum) {
  const int32_t t = ht_multiply_fixed(sum, layer->lift, a->multiplier[channel], a->shift[channel]);
  const int32_t y = ht_activate(function, t);
  const int32_t value = ht_multiply_fixed(y, layer->second_lift, a->second_multiplier[channel], a->second_shift[channel]);
  return (int8_t)ht_clamp(value + a->zero_point[channel], layer->minimum, layer->maximum);
}

#if HT_MVE

// The same of four values.
static inline void ht_activate_four(const ht_activated_layer* layer, const ht_activated_arrays* a, const ht_activation* f, int32_t channel,
                                    const int32_t* sums, int8_t* output) {
  const int32_t end = (HT_ACTIVATION_PIECES / 2) << f->piece_shift;
  int32x4_t t = vmulhq_s32(vshlq_r_s32(vldrwq_s32(sums), layer->lift), vldrwq_s32(a->multiplier + channel));
  t = vrshlq_s32(t, vnegq_s32(vldrbq_s32(a->shift + channel)));
  const int32x4_t inside = vminq_s32(vmaxq_s32(t, vdupq_n_s32(-end)), vdupq_n_s32(end - 1));
  const uint32x4_t piece = vreinterpretq_u32_s32(vaddq_n_s32(vshlq_r_s32(inside, -f->piece_shift), HT_ACTIVATION_PIECES / 2));
  const int32x4_t r = vandq_s32(inside, vdupq_n_s32((1 << f->piece_shift) - 1));
  const int32x4_t curve = vshlq_r_s32(vmulq_s32(vldrwq_gather_shifted_offset_s32(f->curve, piece), r), -f->piece_shift);
  const int32x4_t slope = vaddq_s32(vldrwq_gather_shifted_offset_s32(f->slope, piece), curve);
  const int32x4_t beyond = vandq_s32(vmaxq_s32(vsubq_s32(t, inside), vdupq_n_s32(0)), vdupq_n_s32(f->rises));
  int32x4_t y = vaddq_s32(vldrwq_gather_shifted_offset_s32(f->base, piece), vshlq_r_s32(vmulq_s32(slope, r), -f->piece_shift));
  y = vmulhq_s32(vshlq_r_s32(vaddq_s32(y, beyond), layer->second_lift), vldrwq_s32(a->second_multiplier + channel));
  y = vaddq_s32(vrshlq_s32(y, vnegq_s32(vldrbq_s32(a->second_shift + channel))), vldrbq_s32(a->zero_point + channel));
  vstrbq_s32(output, vminq_s32(vmaxq_s32(y, vdupq_n_s32(layer->minimum)), vdupq_n_s32(layer->maximum)));
}

#endif

// As ht_finish; the layer has so many channels.
static inline void ht_finish_activated(const ht_activated_layer* layer, const ht_activation* function, int32_t channels, int32_t first,
                                       int32_t count, const int32_t* sums, int8_t* output) {
  const ht_activated_arrays a = ht_activated_arrays_of(layer, channels);
  int32_t i = 0;
#if HT_MVE
  for (; i + 4 <= count; i += 4) ht_activate_four(layer, &a, function, first + i, sums + i, output + i);
#endif
  for (; i < count; ++i) output[i] = ht_activated_value(layer, &a, function, first + i, sums[i]);
}

#endif
