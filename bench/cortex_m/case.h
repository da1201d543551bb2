// SPDX-License-Identifier: Apache-2.0
// A layer to run, written by layer.cpp.
#ifndef BENCH_CASE_H
#define BENCH_CASE_H

#include "ht_kernel.h"

typedef struct bench_case {
  const char* kernel;
  void (*run)(const ht_arguments* a);
  void (*reference)(const ht_arguments* a);
  size_t (*reference_scratch)(void);
  const int8_t* input;
  int macs, output_bytes, scratch_bytes, packed_bytes;
} bench_case;

#endif
