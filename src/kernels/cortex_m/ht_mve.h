// SPDX-License-Identifier: Apache-2.0
// Helium, the vector extension of Cortex-M55 and its like. Kernels for it have a plain C body for every other processor.
#ifndef HT_MVE_H
#define HT_MVE_H

#include "kernels/c/ht_kernel.h"
#include "kernels/cortex_m/ht_naked.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1) && defined(__GNUC__)
#define HT_MVE 1
#else
#define HT_MVE 0
#endif

enum { HT_VECTOR_BYTES = 16 };

#if HT_MVE

// Loops that end by themselves: the last round takes as many lanes as are left.
static inline void ht_copy_bytes(const int8_t* from, int32_t count, int8_t* to) {
  __asm__ volatile(
      "wlstp.8 lr, %2, 2f\n"
      "1:\n"
      "vldrb.8 q0, [%0], #16\n"
      "vstrb.8 q0, [%1], #16\n"
      "letp lr, 1b\n"
      "2:\n"
      : "+r"(from), "+r"(to)
      : "r"(count)
      : "lr", "d0", "d1", "memory");
}

// sum + x * w; sixteen of w lie `step` bytes apart.
static inline int32_t ht_add_dot(const int8_t* x, const int8_t* w, int32_t step, int32_t count, int32_t sum) {
  register int32_t total __asm__("r0") = sum;  // the instruction takes even registers only
  __asm__ volatile(
      "wlstp.8 lr, %3, 2f\n"
      "1:\n"
      "vldrb.8 q0, [%1], #16\n"
      "vldrb.8 q1, [%2]\n"
      "add %2, %2, %4\n"
      "vmladava.s8 %0, q0, q1\n"
      "letp lr, 1b\n"
      "2:\n"
      : "+r"(total), "+r"(x), "+r"(w)
      : "r"(count), "r"(step)
      : "lr", "d0", "d1", "d2", "d3", "memory");
  return total;
}

#else

static inline void ht_copy_bytes(const int8_t* from, int32_t count, int8_t* to) {
  for (int32_t i = 0; i < count; ++i) to[i] = from[i];
}

static inline int32_t ht_add_dot(const int8_t* x, const int8_t* w, int32_t step, int32_t count, int32_t sum) {
  for (int32_t k = 0; k < count; ++k) sum += x[k] * w[k / HT_VECTOR_BYTES * step + k % HT_VECTOR_BYTES];
  return sum;
}

#endif
#endif
