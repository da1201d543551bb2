// SPDX-License-Identifier: Apache-2.0
#include "ht_conv.h"

#include "ht_dot.h"
#include "ht_finish.h"
#include "ht_patch.h"

size_t HT_FN(ht_conv_scratch)(const ht_conv_params* p) { return ht_convolve_scratch(p, sizeof(int32_t)); }

static void add(const void* params, const int16_t* patches, size_t depth, int32_t first, int32_t outputs, void* sums, void* memory) {
  const ht_conv_params* p = (const ht_conv_params*)params;
  (void)memory;
  ht_dot_rows(patches, depth, p->weights + (size_t)first * depth, depth, (int32_t)depth, outputs, p->bias + first, (int32_t*)sums,
              (size_t)outputs);
}

static void finish(const void* params, int32_t first, int32_t outputs, void* sums, void* output, size_t at) {
  ht_finish(&((const ht_conv_params*)params)->epilogue, first, outputs, (int32_t*)sums, output, at);
}

void HT_FN(ht_conv)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_convolution convolution = {sizeof(int8_t), p->padding, sizeof(int32_t), add, finish};
  ht_convolve(p, &convolution, p, a, begin, end);
}
