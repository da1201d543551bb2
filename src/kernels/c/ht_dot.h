// SPDX-License-Identifier: Apache-2.0
// Dot products of widened activations with int8 weights, several at a time. Sixteen named sums: compilers keep those in
// registers, an array of them they do not.
#ifndef HT_DOT_H
#define HT_DOT_H

#include "ht_patch.h"

enum { HT_DOT_ROWS = HT_PATCH_ROWS };

static inline int32_t ht_dot(const int16_t* HT_RESTRICT x, const int8_t* HT_RESTRICT w, int32_t depth) {
  int32_t sum = 0;
  for (int32_t i = 0; i < depth; ++i) sum += (int32_t)x[i] * w[i];
  return sum;
}

// sums[r * sums_stride + o] = bias[o] + dot(x + r * x_stride, w + o * w_stride), r and o in 0..3
static inline void ht_dot_4x4(const int16_t* HT_RESTRICT x, size_t x_stride, const int8_t* HT_RESTRICT w, size_t w_stride,
                              int32_t depth, const int32_t* bias, int32_t* sums, size_t sums_stride) {
  const int16_t *x0 = x, *x1 = x0 + x_stride, *x2 = x1 + x_stride, *x3 = x2 + x_stride;
  const int8_t *w0 = w, *w1 = w0 + w_stride, *w2 = w1 + w_stride, *w3 = w2 + w_stride;
  int32_t s00 = 0, s01 = 0, s02 = 0, s03 = 0, s10 = 0, s11 = 0, s12 = 0, s13 = 0;
  int32_t s20 = 0, s21 = 0, s22 = 0, s23 = 0, s30 = 0, s31 = 0, s32 = 0, s33 = 0;
  for (int32_t i = 0; i < depth; ++i) {
    s00 += (int32_t)x0[i] * w0[i], s01 += (int32_t)x0[i] * w1[i], s02 += (int32_t)x0[i] * w2[i], s03 += (int32_t)x0[i] * w3[i];
    s10 += (int32_t)x1[i] * w0[i], s11 += (int32_t)x1[i] * w1[i], s12 += (int32_t)x1[i] * w2[i], s13 += (int32_t)x1[i] * w3[i];
    s20 += (int32_t)x2[i] * w0[i], s21 += (int32_t)x2[i] * w1[i], s22 += (int32_t)x2[i] * w2[i], s23 += (int32_t)x2[i] * w3[i];
    s30 += (int32_t)x3[i] * w0[i], s31 += (int32_t)x3[i] * w1[i], s32 += (int32_t)x3[i] * w2[i], s33 += (int32_t)x3[i] * w3[i];
  }
  int32_t *r0 = sums, *r1 = r0 + sums_stride, *r2 = r1 + sums_stride, *r3 = r2 + sums_stride;
  r0[0] = s00 + bias[0], r0[1] = s01 + bias[1], r0[2] = s02 + bias[2], r0[3] = s03 + bias[3];
  r1[0] = s10 + bias[0], r1[1] = s11 + bias[1], r1[2] = s12 + bias[2], r1[3] = s13 + bias[3];
  r2[0] = s20 + bias[0], r2[1] = s21 + bias[1], r2[2] = s22 + bias[2], r2[3] = s23 + bias[3];
  r3[0] = s30 + bias[0], r3[1] = s31 + bias[1], r3[2] = s32 + bias[2], r3[3] = s33 + bias[3];
}

// HT_DOT_ROWS rows of x with `outputs` rows of w.
static inline void ht_dot_rows(const int16_t* HT_RESTRICT x, size_t x_stride, const int8_t* HT_RESTRICT w, size_t w_stride,
                               int32_t depth, int32_t outputs, const int32_t* bias, int32_t* sums, size_t sums_stride) {
  int32_t o = 0;
  for (; o + 4 <= outputs; o += 4)
    ht_dot_4x4(x, x_stride, w + (size_t)o * w_stride, w_stride, depth, bias + o, sums + o, sums_stride);
  for (; o < outputs; ++o)
    for (size_t r = 0; r < HT_DOT_ROWS; ++r)
      sums[r * sums_stride + (size_t)o] = bias[o] + ht_dot(x + r * x_stride, w + (size_t)o * w_stride, depth);
}

#endif
