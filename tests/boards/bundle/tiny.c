// SPDX-License-Identifier: Apache-2.0
#include "tiny.h"

#ifndef HT_STEP
#define HT_STEP(number)
#endif

extern const int8_t tiny_weights[100];

// Two instructions a time: a subtraction and a branch.
static void spin(uint32_t times) {
#ifdef __thumb__
  __asm volatile("1: subs %0, #1\n\tbne 1b" : "+r"(times)::"cc");
#else
  (void)times;
#endif
}

// 400 bytes of stack.
static __attribute__((noinline)) void use_stack(void) {
  volatile int8_t bytes[400];
  for (int i = 0; i < 400; ++i) bytes[i] = 1;
}

int tiny_run(const tiny_inputs *in, const tiny_outputs *out, void *arena) {
  int8_t *sum = arena;
  HT_STEP(0);
  spin(1000000);
  HT_STEP(1);
  spin(1);
  HT_STEP(2);
  use_stack();
  HT_STEP(3);
  *sum = 0;
  for (int i = 0; i < 100; ++i) *sum = (int8_t)(*sum + tiny_weights[i] * in->x[0]);
  *out->y = *sum;
  return 0;
}
