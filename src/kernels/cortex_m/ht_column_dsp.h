// SPDX-License-Identifier: Apache-2.0
// Columns of four channels, widened so that one instruction multiplies two rows. A column of `height` rows has 2 * height words:
//
//   for two rows r and r + 1, the halves (r, r + 1) of channel 0, of channel 2, of channel 1, of channel 3;
//   for a last odd row, the halves (channel 0, channel 2), (channel 1, channel 3).
//
// Inputs and weights lie in the same way, so that a filter's sums are products of words with words.
#ifndef HT_COLUMN_DSP_H
#define HT_COLUMN_DSP_H

#include "kernels/cortex_m/ht_dsp.h"

HT_WITHIN void ht_widen_two_rows(uint32_t upper, uint32_t lower, uint32_t* to) {
  const uint32_t upper_even = ht_even_bytes(upper), lower_even = ht_even_bytes(lower);
  const uint32_t upper_odd = ht_odd_bytes(upper), lower_odd = ht_odd_bytes(lower);
  to[0] = ht_low_halves(upper_even, lower_even);
  to[1] = ht_high_halves(upper_even, lower_even);
  to[2] = ht_low_halves(upper_odd, lower_odd);
  to[3] = ht_high_halves(upper_odd, lower_odd);
}

HT_WITHIN void ht_widen_last_row(uint32_t row, uint32_t* to) {
  to[0] = ht_even_bytes(row);
  to[1] = ht_odd_bytes(row);
}

#if HT_DSP

HT_BEGIN_NAKED

// Adds `width` (at least one) columns to the sums of channels 0 to 3, which are in r6, r8, r7, r9. In C, compilers take twice as many
// instructions.
HT_NAKED void ht_add_columns(const uint32_t* x, const uint32_t* w, int32_t height, int32_t width, int32_t sums[4]) {
  __asm__(
      ".syntax unified\n"
      "push {r4-r11, lr}\n"
      "ldr lr, [sp, #36]\n"
      "ldrd r6, r8, [lr]\n"
      "ldrd r7, r9, [lr, #8]\n"
      "1:\n"
      "subs r12, r2, #2\n"
      "blt 3f\n"
      "2:\n"
      "ldrd r4, r5, [r0], #8\n"
      "ldrd r10, r11, [r1], #8\n"
      "smlad r6, r4, r10, r6\n"
      "smlad r7, r5, r11, r7\n"
      "ldrd r4, r5, [r0], #8\n"
      "ldrd r10, r11, [r1], #8\n"
      "smlad r8, r4, r10, r8\n"
      "smlad r9, r5, r11, r9\n"
      "subs r12, r12, #2\n"
      "bge 2b\n"
      "3:\n"
      "tst r2, #1\n"
      "beq 4f\n"
      "ldrd r4, r5, [r0], #8\n"
      "ldrd r10, r11, [r1], #8\n"
      "smlabb r6, r4, r10, r6\n"
      "smlatt r7, r4, r10, r7\n"
      "smlabb r8, r5, r11, r8\n"
      "smlatt r9, r5, r11, r9\n"
      "4:\n"
      "subs r3, r3, #1\n"
      "bne 1b\n"
      "strd r6, r8, [lr]\n"
      "strd r7, r9, [lr, #8]\n"
      "pop {r4-r11, pc}\n");
}

HT_END_NAKED

#else

// The same.
HT_ALONE void ht_add_columns(const uint32_t* x, const uint32_t* w, int32_t height, int32_t width, int32_t sums[4]) {
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
  for (int32_t column = 0; column < width; ++column) {
    for (int32_t row = height; row > 1; row -= 2, x += 4, w += 4) {
      s0 = ht_add_products(x[0], w[0], s0);
      s2 = ht_add_products(x[1], w[1], s2);
      s1 = ht_add_products(x[2], w[2], s1);
      s3 = ht_add_products(x[3], w[3], s3);
    }
    if (height % 2 == 0) continue;
    s0 = ht_add_low_product(x[0], w[0], s0);
    s2 = ht_add_high_product(x[0], w[0], s2);
    s1 = ht_add_low_product(x[1], w[1], s1);
    s3 = ht_add_high_product(x[1], w[1], s3);
    x += 2, w += 2;
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

#endif
#endif
