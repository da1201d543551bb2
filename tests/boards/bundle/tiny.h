// SPDX-License-Identifier: Apache-2.0
// A bundle as the code generator writes it, but so small that the instructions of its steps can be counted by hand.
#pragma once
#include <stdint.h>

typedef struct {
  const int8_t *x;
} tiny_inputs;

typedef struct {
  int8_t *y;
} tiny_outputs;

int tiny_run(const tiny_inputs *in, const tiny_outputs *out, void *arena);
