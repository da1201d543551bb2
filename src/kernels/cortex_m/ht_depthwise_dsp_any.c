// SPDX-License-Identifier: Apache-2.0
#include "kernels/c/ht_finish.h"
#include "kernels/cortex_m/ht_depthwise_walk_dsp.h"

size_t HT_FN(ht_depthwise_dsp_any_scratch)(const ht_depthwise_params* p) { return ht_depthwise_walk_scratch(p); }

static void finish(const ht_quad* quad, int32_t pixels, void* output, size_t at) {
  const ht_depthwise_params* p = quad->params;
  for (int32_t pixel = 0; pixel < pixels; ++pixel, at += (size_t)p->output_stride) {
    int32_t sums[4];
    ht_quad_sums(quad, pixel, sums);
    ht_finish(&p->epilogue, quad->first, quad->count, sums, output, at);
  }
}

void HT_FN(ht_depthwise_dsp_any)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  ht_depthwise_rows(p, a, begin, end, finish);
}
