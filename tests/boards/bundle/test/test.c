// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "tiny.h"

#ifndef EXPECTED
#define EXPECTED 6
#endif

int main(void) {
  static int8_t arena[1];
  for (int8_t x = 0; x < 10; ++x) {
    int8_t y = 0;
    const tiny_inputs in = {&x};
    const tiny_outputs out = {&y};
    tiny_run(&in, &out, arena);
    if (y != EXPECTED * x) {
      printf("vector %d: %d and not %d\n", x, y, EXPECTED * x);
      return 1;
    }
  }
  puts("all vectors are identical");
  return 0;
}
