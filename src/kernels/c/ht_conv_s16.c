// SPDX-License-Identifier: Apache-2.0
#include "ht_conv_s16.h"

#include "ht_patch.h"

size_t HT_FN(ht_conv_s16_scratch)(const ht_conv_s16_params* p) { return ht_convolve_scratch(&p->conv, sizeof(int64_t)); }

// 32 bits hold the sum of so many products of 16 and 8 bits.
enum { RUN = 256 };

static void dot_tile(const int16_t* HT_RESTRICT x, size_t depth, const int8_t* HT_RESTRICT w, int64_t bias, int64_t* sums,
                     size_t sums_stride) {
  const int16_t *x0 = x, *x1 = x0 + depth, *x2 = x1 + depth, *x3 = x2 + depth;
  int64_t t0 = bias, t1 = bias, t2 = bias, t3 = bias;
  for (size_t start = 0; start < depth; start += RUN) {
    const size_t end = depth - start < RUN ? depth : start + RUN;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (size_t i = start; i < end; ++i) {
      s0 += (int32_t)x0[i] * w[i], s1 += (int32_t)x1[i] * w[i];
      s2 += (int32_t)x2[i] * w[i], s3 += (int32_t)x3[i] * w[i];
    }
    t0 += s0, t1 += s1, t2 += s2, t3 += s3;
  }
  sums[0] = t0, sums[sums_stride] = t1, sums[2 * sums_stride] = t2, sums[3 * sums_stride] = t3;
}

static void add(const void* params, const int16_t* patches, size_t depth, int32_t first, int32_t outputs, void* sums, void* memory) {
  const ht_conv_s16_params* p = (const ht_conv_s16_params*)params;
  (void)memory;
  for (int32_t o = 0; o < outputs; ++o)
    dot_tile(patches, depth, p->conv.weights + (size_t)(first + o) * depth, p->bias[first + o], (int64_t*)sums + o, (size_t)outputs);
}

static void finish(const void* params, int32_t first, int32_t outputs, void* sums, void* output, size_t at) {
  const ht_conv_s16_params* p = (const ht_conv_s16_params*)params;
  ht_finish_s16(&p->conv.epilogue, &p->output, first, outputs, (const int64_t*)sums, output, at);
}

void HT_FN(ht_conv_s16)(const ht_conv_s16_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_convolution convolution = {sizeof(int16_t), p->padding, sizeof(int64_t), add, finish};
  ht_convolve(&p->conv, &convolution, p, a, begin, end);
}
