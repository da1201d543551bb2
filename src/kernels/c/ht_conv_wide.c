// SPDX-License-Identifier: Apache-2.0
#include "ht_conv_wide.h"

#include "ht_finish.h"
#include "ht_patch.h"

size_t HT_FN(ht_conv_wide_scratch)(const ht_conv_wide_params* p) { return ht_convolve_scratch(&p->conv, sizeof(int32_t)); }

static void dot_tile(const int16_t* HT_RESTRICT x, size_t depth, const int16_t* HT_RESTRICT w, int32_t bias, int32_t* sums,
                     size_t sums_stride) {
  const int16_t *x0 = x, *x1 = x0 + depth, *x2 = x1 + depth, *x3 = x2 + depth;
  const int32_t count = (int32_t)depth;
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (int32_t i = 0; i < count; ++i) {
    s0 += (int32_t)x0[i] * w[i], s1 += (int32_t)x1[i] * w[i];
    s2 += (int32_t)x2[i] * w[i], s3 += (int32_t)x3[i] * w[i];
  }
  sums[0] = s0 + bias, sums[sums_stride] = s1 + bias, sums[2 * sums_stride] = s2 + bias, sums[3 * sums_stride] = s3 + bias;
}

static void add(const void* params, const int16_t* patches, size_t depth, int32_t first, int32_t outputs, void* sums, void* memory) {
  const ht_conv_wide_params* p = (const ht_conv_wide_params*)params;
  (void)memory;
  for (int32_t o = 0; o < outputs; ++o)
    dot_tile(patches, depth, p->weights + (size_t)(first + o) * depth, p->conv.bias[first + o], (int32_t*)sums + o, (size_t)outputs);
}

static void finish(const void* params, int32_t first, int32_t outputs, void* sums, void* output, size_t at) {
  ht_finish(&((const ht_conv_wide_params*)params)->conv.epilogue, first, outputs, (int32_t*)sums, output, at);
}

void HT_FN(ht_conv_wide)(const ht_conv_wide_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_convolution convolution = {sizeof(int8_t), p->conv.padding, sizeof(int32_t), add, finish};
  ht_convolve(&p->conv, &convolution, p, a, begin, end);
}
