// SPDX-License-Identifier: Apache-2.0
// Brings a program up on a bare Cortex-M: the vector table, the floating-point unit, initialized memory, and the C library, whose input
// and output go to the emulator by semihosting. A fault ends the program with a sentence and exit status 1.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern uint32_t ht_board_data_start, ht_board_data_end, ht_board_data_load, ht_board_bss_start, ht_board_bss_end, ht_board_stack_top;  // board.ld
int main(void);
void initialise_monitor_handles(void);  // the C library's

#define COPROCESSOR_ACCESS (*(volatile uint32_t *)0xE000ED88u)
#define CONFIGURATION_CONTROL (*(volatile uint32_t *)0xE000ED14u)

static void enable_coprocessors(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  COPROCESSOR_ACCESS |= 0xFu << 20;  // full access to the floating-point unit and Helium
#endif
#ifdef __ARM_FEATURE_MVE
  CONFIGURATION_CONTROL |= 1u << 19;  // low-overhead loops
#endif
  __asm volatile("dsb\n\tisb" ::: "memory");
}

static uint32_t bytes_between(const uint32_t *start, const uint32_t *end) { return (uint32_t)((uintptr_t)end - (uintptr_t)start); }

static void reset(void) {
  enable_coprocessors();
  memcpy(&ht_board_data_start, &ht_board_data_load, bytes_between(&ht_board_data_start, &ht_board_data_end));
  memset(&ht_board_bss_start, 0, bytes_between(&ht_board_bss_start, &ht_board_bss_end));
  initialise_monitor_handles();
  exit(main());
}

// The emulator's services: an operation and its argument.
static void semihosting(uint32_t operation, uintptr_t argument) {
  register uint32_t r0 __asm("r0") = operation;
  register uintptr_t r1 __asm("r1") = argument;
  __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static void fault(void) {
  static const char message[] = "the processor stopped at a fault\n";
  semihosting(0x04u, (uintptr_t)message);  // writes a string
  semihosting(0x18u, 0x20023u);            // exits with status 1
  for (;;) {
  }
}

// The C library calls these around main.
void _init(void) {}
void _fini(void) {}

typedef void (*handler)(void);
extern const handler ht_board_vectors[16];
__attribute__((section(".vectors"), used)) const handler ht_board_vectors[16] = {
    (handler)(uintptr_t)&ht_board_stack_top, reset, fault, fault, fault, fault, fault, fault, 0, 0, 0, fault, fault, 0, fault, fault};
