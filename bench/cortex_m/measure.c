// SPDX-License-Identifier: Apache-2.0
// Runs a layer and the normative kernel on an emulated board, compares, and counts the layer's instructions: the emulator makes each
// take 128 ns of the board's time (-icount shift=7), and the board has a clock.
#include <stdio.h>
#include <stdlib.h>

#include "layer.h"

#define CLOCK (*(volatile uint32_t *)(BOARD_FPGAIO + 0x18u))

static int8_t output[LAYER_OUTPUT_BYTES], expected[LAYER_OUTPUT_BYTES];
static uint32_t scratch[LAYER_SCRATCH_BYTES / 4 + 1];

static uint32_t instructions(uint32_t ticks) {
  const uint64_t ticks_per_1000 = BOARD_CLOCK_MHZ * 128u;
  return (uint32_t)(((uint64_t)ticks * 1000u + ticks_per_1000 / 2) / ticks_per_1000);
}

int main(void) {
  const ht_arguments arguments = {{input}, output, scratch};
  const uint32_t nothing = CLOCK;
  const uint32_t start = CLOCK;
  LAYER_RUN(&layer, &arguments, 0, LAYER_UNITS);
  const uint32_t end = CLOCK;
  const ht_arguments reference = {{input}, expected, malloc(LAYER_NORMATIVE_SCRATCH(&normative))};
  LAYER_NORMATIVE_RUN(&normative, &reference, 0, LAYER_UNITS);
  for (int i = 0; i < LAYER_OUTPUT_BYTES; ++i)
    if (output[i] != expected[i]) {
      printf("different at %d: %d instead of %d\n", i, output[i], expected[i]);
      return 1;
    }
  printf("%lu %d %d %d\n", (unsigned long)(instructions(end - start) - instructions(start - nothing)), LAYER_MACS, LAYER_SCRATCH_BYTES,
         LAYER_PACKED_BYTES);
  return 0;
}
