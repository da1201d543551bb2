// SPDX-License-Identifier: Apache-2.0
#include "kernels/c/ht_spin.h"

// Two instructions a time, a subtraction and a branch, and one that returns.
void ht_spin(uint32_t times) {
#ifdef __thumb__
  __asm volatile("1: subs %0, #1\n\tbne 1b" : "+r"(times)::"cc");
#else
  (void)times;
#endif
}

// 400 bytes of stack and little more.
void ht_use_stack(void) {
  volatile int8_t bytes[400];
  for (int i = 0; i < 400; ++i) bytes[i] = 1;
}
