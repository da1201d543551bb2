// SPDX-License-Identifier: Apache-2.0
// Counts instructions with a clock of the board. The emulator runs with `-icount shift=7`, so that each instruction takes exactly 128 ns
// of the board's time, and the clock counts 2.56 or 3.2 times meanwhile: the number of instructions between two readings is exact.
// The linker leads calls of the network's function to board_run (--wrap), which measures each run; at the end, the figures of the run with
// the most instructions and the most stack that any run needed are printed. No step needs less stack than the hook in ht_board_step does.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"

#define CLOCK_100HZ (*(volatile uint32_t *)(BOARD_FPGAIO + 0x14u))
#define CLOCK (*(volatile uint32_t *)(BOARD_FPGAIO + 0x18u))

enum { NANOSECONDS_PER_INSTRUCTION = 128 };
enum { OUTSIDE = BOARD_MAX_STEPS, BETWEEN_RUNS, PLACES };  // of instructions that belong to no step
static const uint32_t PAINT = 0x5A17C0DEu;

extern uint32_t ht_board_stack_limit;                          // board.ld
int BOARD_REAL_RUN(const void *, const void *, void *);     // the network's own function
int BOARD_WRAPPED_RUN(const void *, const void *, void *);  // what its callers reach

// Instructions of each step and of the other places.
struct counts {
  uint64_t of[PLACES];
};

static struct counts current, worst;
static uint64_t worst_total;
static uint32_t most_stack;
static int highest_step = -1;

static int place = BETWEEN_RUNS;
static uint32_t started, started_100hz;
static uint64_t overhead;  // what an empty step counts

// The instructions since the last reading. The clock is back at its start after 1.3 billion of them; the slow one tells how often.
static uint64_t elapsed(uint32_t now, uint32_t now_100hz) {
  const uint64_t low = (uint32_t)(now - started);
  const uint64_t about = (uint64_t)(now_100hz - started_100hz) * (BOARD_CLOCK_MHZ * 10000u);
  const uint64_t wraps = about < low ? 0 : (about - low + (UINT64_C(1) << 31)) >> 32;
  const uint64_t ticks = (wraps << 32) + low;
  const uint64_t ticks_per_1000 = BOARD_CLOCK_MHZ * NANOSECONDS_PER_INSTRUCTION;
  return (ticks * 1000 + ticks_per_1000 / 2) / ticks_per_1000;
}

// Reads the clock first and last, so that only the call itself counts, which is always the same.
void ht_board_step(int number) {
  const uint32_t now = CLOCK;
  current.of[place] += elapsed(now, CLOCK_100HZ) - overhead;
  place = number >= 0 && number < PLACES ? number : OUTSIDE;
  if (place < BOARD_MAX_STEPS && place > highest_step) highest_step = place;
  started_100hz = CLOCK_100HZ;
  started = CLOCK;
}

static void find_overhead(void) {
  ht_board_step(OUTSIDE);
  ht_board_step(BETWEEN_RUNS);
  overhead = current.of[OUTSIDE];
}

static void keep_worst(void) {
  uint64_t total = 0;
  for (int i = 0; i <= OUTSIDE; ++i) total += current.of[i];
  if (total <= worst_total) return;
  worst_total = total;
  worst = current;
}

static void print_figures(void) {
  for (int i = 0; i <= highest_step; ++i) printf("board: step %d instructions %llu\n", i, (unsigned long long)worst.of[i]);
  printf("board: run instructions %llu\n", (unsigned long long)worst_total);
  printf("board: run stack %lu\n", (unsigned long)most_stack);
}

int BOARD_WRAPPED_RUN(const void *in, const void *out, void *arena) {
  if (overhead == 0) {
    find_overhead();
    atexit(print_figures);
  }
  uint32_t *top;
  __asm volatile("mov %0, sp" : "=r"(top));
  for (uint32_t *word = &ht_board_stack_limit; word < top; ++word) *(volatile uint32_t *)word = PAINT;

  memset(&current, 0, sizeof current);
  ht_board_step(OUTSIDE);
  const int status = BOARD_REAL_RUN(in, out, arena);
  ht_board_step(BETWEEN_RUNS);

  const uint32_t *lowest = &ht_board_stack_limit;
  while (lowest < top && *(const volatile uint32_t *)lowest == PAINT) ++lowest;
  const uint32_t stack = (uint32_t)((uintptr_t)top - (uintptr_t)lowest);
  if (stack > most_stack) most_stack = stack;
  keep_worst();
  return status;
}
