// SPDX-License-Identifier: Apache-2.0
#include "tiny.h"

#include "kernels/c/ht_spin.h"

#ifndef HT_STEP
#define HT_STEP(number)
#endif

extern const int8_t tiny_weights[100];

int tiny_run(const tiny_inputs *in, const tiny_outputs *out, void *arena) {
  int8_t *sum = arena;
  HT_STEP(0);
  ht_spin(1000000);
  HT_STEP(1);
  ht_spin(1);
  HT_STEP(2);
  ht_use_stack();
  HT_STEP(3);
  *sum = 0;
  for (int i = 0; i < 100; ++i) *sum = (int8_t)(*sum + tiny_weights[i] * in->x[0]);
  *out->y = *sum;
  return 0;
}
