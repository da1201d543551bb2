// SPDX-License-Identifier: Apache-2.0
// Moves bytes without touching those beside them. The last word of a copy overlaps the one before it, so that every length takes
// few steps.
#ifndef HT_BYTES_NEON_H
#define HT_BYTES_NEON_H

#include <arm_neon.h>
#include <stddef.h>

// Fewer than sixteen.
static inline void ht_copy_few(const int8_t* from, size_t count, int8_t* to) {
  if (count >= 8) {
    const int8x8_t first = vld1_s8(from), last = vld1_s8(from + count - 8);
    vst1_s8(to, first);
    vst1_s8(to + count - 8, last);
  } else if (count >= 4) {
    int32_t first, last;
    __builtin_memcpy(&first, from, 4);
    __builtin_memcpy(&last, from + count - 4, 4);
    __builtin_memcpy(to, &first, 4);
    __builtin_memcpy(to + count - 4, &last, 4);
  } else {
    for (size_t i = 0; i < count; ++i) to[i] = from[i];
  }
}

static inline void ht_copy_bytes(const int8_t* from, size_t count, int8_t* to) {
  if (count < 16) {
    ht_copy_few(from, count, to);
    return;
  }
  size_t i = 0;
  for (; i + 64 <= count; i += 64) vst1q_s8_x4(to + i, vld1q_s8_x4(from + i));
  for (; i + 16 < count; i += 16) vst1q_s8(to + i, vld1q_s8(from + i));
  vst1q_s8(to + count - 16, vld1q_s8(from + count - 16));
}

#endif
