// SPDX-License-Identifier: Apache-2.0
#include "ht_conv_w4.h"

#include "ht_dot.h"
#include "ht_finish.h"
#include "ht_patch.h"

enum { ROWS = 4 };  // of weights that are unpacked at a time

// Scratch: as every convolution, then the unpacked rows.
size_t HT_FN(ht_conv_w4_scratch)(const ht_conv_w4_params* p) {
  return ht_convolve_scratch(&p->conv, sizeof(int32_t)) + ROWS * ht_patch_depth(&p->conv);
}

static void add(const void* params, const int16_t* patches, size_t depth, int32_t first, int32_t outputs, void* sums, void* memory) {
  const ht_conv_w4_params* p = (const ht_conv_w4_params*)params;
  int8_t* rows = (int8_t*)memory;
  for (int32_t o = 0; o < outputs; o += ROWS) {
    const int32_t count = outputs - o < ROWS ? outputs - o : ROWS;
    for (int32_t i = 0; i < count; ++i) ht_unpack_w4(p, first + o + i, rows + (size_t)i * depth);
    ht_dot_rows(patches, depth, rows, depth, (int32_t)depth, count, p->conv.bias + first + o, (int32_t*)sums + o, (size_t)outputs);
  }
}

static void finish(const void* params, int32_t first, int32_t outputs, void* sums, void* output, size_t at) {
  ht_finish(&((const ht_conv_w4_params*)params)->conv.epilogue, first, outputs, (int32_t*)sums, output, at);
}

void HT_FN(ht_conv_w4)(const ht_conv_w4_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_convolution convolution = {sizeof(int8_t), p->conv.padding, sizeof(int32_t), add, finish};
  ht_convolve(&p->conv, &convolution, p, a, begin, end);
}
