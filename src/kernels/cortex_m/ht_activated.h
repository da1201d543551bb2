// SPDX-License-Identifier: Apache-2.0
// The epilogue HT_OUTPUT_ACTIVATED under FIXED_SINGLE with multiplications of 32 bits (ht_packed_dsp.h says why they are enough): both
// of its multipliers, packed before what a kernel for any epilogue packs.
#ifndef HT_ACTIVATED_H
#define HT_ACTIVATED_H

#include "kernels/c/ht_finish.h"
#include "kernels/cortex_m/ht_dsp.h"
#include "kernels/cortex_m/ht_mve.h"
#if HT_MVE
#include <arm_mve.h>
#endif

typedef struct ht_activated_layer {
  int32_t lift, second_lift;
} ht_activated_layer;

typedef struct ht_activated_channel {
  int32_t multiplier, rounding;                // sum to fixed point
  int32_t second_multiplier, second_rounding;  // fixed point to output, with the zero point
  int8_t shift, second_shift;
  int8_t minimum, maximum;
} ht_activated_channel;

static inline size_t ht_activated_bytes(int32_t channels) {
  return sizeof(ht_activated_layer) + (size_t)channels * sizeof(ht_activated_channel);
}

// `packed` is what lies behind.
static inline const ht_activated_layer* ht_activated_of(const void* packed, int32_t channels) {
  return (const ht_activated_layer*)((const char*)packed - ht_activated_bytes(channels));
}

static inline int32_t ht_multiply_fixed(int32_t x, int32_t lift, int32_t multiplier, int32_t rounding, int32_t shift) {
  return ht_add_upper_product((int32_t)((uint32_t)x << lift), multiplier, rounding) >> shift;
}

static inline int8_t ht_activated_value(const ht_activated_layer* layer, const ht_activated_channel* c, const ht_activation* function,
                                        int32_t sum) {
  const int32_t t = ht_multiply_fixed(sum, layer->lift, c->multiplier, c->rounding, c->shift);
  const int32_t y = ht_activate(function, t);
  return (int8_t)ht_clamp(ht_multiply_fixed(y, layer->second_lift, c->second_multiplier, c->second_rounding, c->second_shift), c->minimum,
                          c->maximum);
}

#if HT_MVE

// A field of four channels.
#define HT_FOUR(c, field) vldrwq_gather_offset_s32(&(c)->field, every_channel)

// The same of four values; signed bytes of the channels' last word are moved to the top and back.
static inline void ht_activate_four(const ht_activated_layer* layer, const ht_activated_channel* c, const ht_activation* f,
                                    const int32_t* sums, int8_t* output) {
  const uint32x4_t every_channel = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)sizeof(ht_activated_channel));
  const int32x4_t bytes = vldrwq_gather_offset_s32((const int32_t*)(const void*)&c->shift, every_channel);
  const int32x4_t shift = vshrq_n_s32(vshlq_n_s32(bytes, 24), 24), second_shift = vshrq_n_s32(vshlq_n_s32(bytes, 16), 24);
  const int32x4_t minimum = vshrq_n_s32(vshlq_n_s32(bytes, 8), 24), maximum = vshrq_n_s32(bytes, 24);
  const int32_t end = (HT_ACTIVATION_PIECES / 2) << f->piece_shift;

  int32x4_t t = vmulhq_s32(vshlq_r_s32(vldrwq_s32(sums), layer->lift), HT_FOUR(c, multiplier));
  t = vshlq_s32(vaddq_s32(t, HT_FOUR(c, rounding)), vnegq_s32(shift));
  const int32x4_t inside = vminq_s32(vmaxq_s32(t, vdupq_n_s32(-end)), vdupq_n_s32(end - 1));
  const uint32x4_t piece = vreinterpretq_u32_s32(vaddq_n_s32(vshlq_r_s32(inside, -f->piece_shift), HT_ACTIVATION_PIECES / 2));
  const int32x4_t r = vandq_s32(inside, vdupq_n_s32((1 << f->piece_shift) - 1));
  const int32x4_t curve = vshlq_r_s32(vmulq_s32(vldrwq_gather_shifted_offset_s32(f->curve, piece), r), -f->piece_shift);
  const int32x4_t slope = vaddq_s32(vldrwq_gather_shifted_offset_s32(f->slope, piece), curve);
  const int32x4_t beyond = vandq_s32(vmaxq_s32(vsubq_s32(t, inside), vdupq_n_s32(0)), vdupq_n_s32(f->rises));
  int32x4_t y = vaddq_s32(vldrwq_gather_shifted_offset_s32(f->base, piece), vshlq_r_s32(vmulq_s32(slope, r), -f->piece_shift));
  y = vmulhq_s32(vshlq_r_s32(vaddq_s32(y, beyond), layer->second_lift), HT_FOUR(c, second_multiplier));
  y = vshlq_s32(vaddq_s32(y, HT_FOUR(c, second_rounding)), vnegq_s32(second_shift));
  vstrbq_s32(output, vminq_s32(vmaxq_s32(y, minimum), maximum));
}
#undef HT_FOUR

#endif

// As ht_finish.
static inline void ht_finish_activated(const ht_activated_layer* layer, const ht_activation* function, int32_t first, int32_t count,
                                       const int32_t* sums, int8_t* output) {
  const ht_activated_channel* c = (const ht_activated_channel*)(layer + 1) + first;
  int32_t i = 0;
#if HT_MVE
  for (; i + 4 <= count; i += 4) ht_activate_four(layer, c + i, function, sums + i, output + i);
#endif
  for (; i < count; ++i) output[i] = ht_activated_value(layer, c + i, function, sums[i]);
}

#endif
