// SPDX-License-Identifier: Apache-2.0
// The activation of an epilogue for sixteen numbers at a time; equal to ht_activate() of c/ht_finish.h bit for bit.
#ifndef HT_ACTIVATE_NEON_H
#define HT_ACTIVATE_NEON_H

#include <arm_neon.h>

#include "kernels/c/ht_finish.h"

// The table instruction finds sixteen bytes among thirty-two at a time, so the tables are stored byte by byte, the lowest first.
typedef uint8_t ht_plane[HT_ACTIVATION_PIECES];

// The place within a piece is brought to 15 bits, u, whatever a piece's width, so that a doubling multiplication of 16-bit
// numbers gives curve * u >> 15 and slope * u >> 15. A function that rises is max(t, 0) and what is left of it, which is small:
// above 0, base + (slope * u >> 15) + (t - inside) is (base - piece start) + ((slope - 1) * u >> 15) + t, because inside = piece
// start + u, all in the units of t.
typedef struct ht_activation_planes {
  ht_plane curve[2], slope[2], base[4];
  float least, most;  // of t
  int32_t last, piece_shift;
  bool wide;  // whether base, or what is added to it, needs more than 16 bits
} ht_activation_planes;

static inline void ht_split(int32_t value, int32_t piece, int32_t count, ht_plane* planes) {
  for (int32_t i = 0; i < count; ++i) planes[i][piece] = (uint8_t)((uint32_t)value >> (8 * i));
}

// False where the tables do not fit this form.
static inline bool ht_load_activation(const ht_activation* f, ht_activation_planes* v) {
  const int32_t half = HT_ACTIVATION_PIECES / 2, end = half << f->piece_shift;
  v->wide = !f->rises;
  for (int32_t i = 0; i < HT_ACTIVATION_PIECES; ++i) {
    const int32_t rise = f->rises && i >= half ? 1 << f->piece_shift : 0;
    const int32_t curve = f->curve[i], slope = f->slope[i] - rise, base = f->base[i] - (i - half) * rise;
    const int32_t lowest = slope + (curve < 0 ? curve : 0), highest = slope + (curve > 0 ? curve : 0);
    if (curve < INT16_MIN || curve > INT16_MAX || lowest < INT16_MIN || highest > INT16_MAX) return false;
    if (base + (lowest < 0 ? lowest : 0) < INT16_MIN || base + (highest > 0 ? highest : 0) > INT16_MAX) v->wide = true;
    ht_split(curve, i, 2, v->curve);
    ht_split(slope, i, 2, v->slope);
    ht_split(base, i, 4, v->base);
  }
  v->least = (float)-end;
  v->most = f->rises ? (float)HT_REQUANTIZE_LIMIT : (float)(end - 1);
  v->last = end - 1;
  v->piece_shift = f->piece_shift;
  return true;
}

// What of it stays in registers from one pixel to the next.
typedef struct ht_activation_registers {
  float32x4_t least, most;
  int32x4_t last, down;
  int16x8_t up;
} ht_activation_registers;

static inline ht_activation_registers ht_keep_activation(const ht_activation_planes* v) {
  const ht_activation_registers kept = {vdupq_n_f32(v->least), vdupq_n_f32(v->most), vdupq_n_s32(v->last),
                                        vdupq_n_s32(-v->piece_shift), vdupq_n_s16((int16_t)(15 - v->piece_shift))};
  return kept;
}

static inline int8x16_t ht_look_up_bytes(const ht_plane plane, uint8x16_t piece) {
  return vreinterpretq_s8_u8(vqtbl2q_u8(vld1q_u8_x2(plane), piece));
}

static inline int16x8x2_t ht_look_up(const ht_plane* planes, uint8x16_t piece) {
  const int8x16_t low = ht_look_up_bytes(planes[0], piece), high = ht_look_up_bytes(planes[1], piece);
  const int16x8x2_t pairs = {{vreinterpretq_s16_s8(vzip1q_s8(low, high)), vreinterpretq_s16_s8(vzip2q_s8(low, high))}};
  return pairs;
}

static inline int32x4x4_t ht_look_up_wide(const ht_plane* planes, uint8x16_t piece) {
  const int16x8x2_t low = ht_look_up(planes, piece), high = ht_look_up(planes + 2, piece);
  const int32x4x4_t wide = {
      {vreinterpretq_s32_s16(vzip1q_s16(low.val[0], high.val[0])), vreinterpretq_s32_s16(vzip2q_s16(low.val[0], high.val[0])),
       vreinterpretq_s32_s16(vzip1q_s16(low.val[1], high.val[1])), vreinterpretq_s32_s16(vzip2q_s16(low.val[1], high.val[1]))}};
  return wide;
}

// The low halves of eight numbers.
static inline int16x8_t ht_low_halves(int32x4_t first, int32x4_t second) {
  return vuzp1q_s16(vreinterpretq_s16_s32(first), vreinterpretq_s16_s32(second));
}

// t lies within [least, most]. Inlined for constants.
static inline __attribute__((always_inline)) int32x4x4_t ht_activate_16(const ht_activation_planes* v,
                                                                        const ht_activation_registers* kept, int32x4x4_t t,
                                                                        bool rises, bool wide) {
  int32x4x4_t inside = t, piece, y = t;
  for (int32_t i = 0; i < 4; ++i) {
    if (rises) inside.val[i] = vminq_s32(t.val[i], kept->last);
    piece.val[i] = vshlq_s32(inside.val[i], kept->down);
  }
  const uint8x16_t signed_piece = vuzp1q_u8(vreinterpretq_u8_s16(ht_low_halves(piece.val[0], piece.val[1])),
                                            vreinterpretq_u8_s16(ht_low_halves(piece.val[2], piece.val[3])));
  const uint8x16_t at = vaddq_u8(signed_piece, vdupq_n_u8(HT_ACTIVATION_PIECES / 2));
  if (wide) y = ht_look_up_wide(v->base, at);
  for (int32_t i = 0; i < 4; ++i) {
    const int32x4_t positive = vmaxq_s32(t.val[i], vdupq_n_s32(0));
    if (rises) y.val[i] = wide ? vaddq_s32(y.val[i], positive) : positive;
  }
  const int16x8x2_t curve = ht_look_up(v->curve, at), slope = ht_look_up(v->slope, at), base = ht_look_up(v->base, at);
  for (int32_t i = 0; i < 2; ++i) {
    const int16x8_t low = ht_low_halves(inside.val[2 * i], inside.val[2 * i + 1]);
    const int16x8_t u = vandq_s16(vshlq_s16(low, kept->up), vdupq_n_s16(INT16_MAX));
    int16x8_t rest = vqdmulhq_s16(vaddq_s16(slope.val[i], vqdmulhq_s16(curve.val[i], u)), u);
    if (!wide) rest = vaddq_s16(rest, base.val[i]);
    y.val[2 * i] = vaddw_s16(y.val[2 * i], vget_low_s16(rest));
    y.val[2 * i + 1] = vaddw_high_s16(y.val[2 * i + 1], rest);
  }
  return y;
}

#endif
