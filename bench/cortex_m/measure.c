// SPDX-License-Identifier: Apache-2.0
// Runs layers and the normative kernels on an emulated board, compares, and counts the layers' instructions: the emulator makes each
// take 128 ns of the board's time (-icount shift=7), and the board has a clock.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer.h"

#define CLOCK (*(volatile uint32_t *)(BOARD_FPGAIO + 0x18u))

// Around what a kernel may write.
enum { GUARD_BYTES = 64, GUARD = 0x5A };

static uint32_t instructions(uint32_t ticks) {
  const uint64_t ticks_per_1000 = BOARD_CLOCK_MHZ * 128u;
  return (uint32_t)(((uint64_t)ticks * 1000u + ticks_per_1000 / 2) / ticks_per_1000);
}

static int8_t *guarded(int bytes) {
  int8_t *memory = malloc((size_t)bytes + 2 * GUARD_BYTES);
  if (memory) memset(memory, GUARD, (size_t)bytes + 2 * GUARD_BYTES);
  return memory;
}

static int untouched(const int8_t *memory, int bytes) {
  for (int i = 0; i < GUARD_BYTES; ++i)
    if (memory[i] != GUARD || memory[GUARD_BYTES + bytes + i] != GUARD) return 0;
  return 1;
}

// Instructions, or -1 where the kernel did not do what the normative one does.
static long measure(const bench_case *c) {
  int8_t *output = guarded(c->output_bytes), *expected = guarded(c->output_bytes), *scratch = guarded(c->scratch_bytes);
  void *reference_scratch = malloc(c->reference_scratch());
  const ht_arguments arguments = {{c->input}, output + GUARD_BYTES, scratch + GUARD_BYTES};
  const ht_arguments reference = {{c->input}, expected + GUARD_BYTES, reference_scratch};
  const uint32_t nothing = CLOCK;
  const uint32_t start = CLOCK;
  c->run(&arguments);
  const uint32_t end = CLOCK;
  c->reference(&reference);
  const int good = memcmp(output, expected, (size_t)c->output_bytes + 2 * GUARD_BYTES) == 0 && untouched(output, c->output_bytes) &&
                   untouched(scratch, c->scratch_bytes);
  free(output), free(expected), free(scratch), free(reference_scratch);
  return good ? (long)(instructions(end - start) - instructions(start - nothing)) : -1;
}

int main(void) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    const long count = measure(&cases[i]);
    printf("%s %ld %d %d %d\n", cases[i].kernel, count, cases[i].macs, cases[i].scratch_bytes, cases[i].packed_bytes);
    if (count < 0) {
      printf("layer %u is not what the normative kernel makes\n", (unsigned)i);
      return 1;
    }
  }
  return 0;
}
