// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions with DSP instructions whose epilogue needs sums: the one that ht_finish_sums.h makes of HT_ACTIVATED.
#ifndef HT_DEPTHWISE_SUMS_DSP_H
#define HT_DEPTHWISE_SUMS_DSP_H

#include "kernels/cortex_m/ht_depthwise_walk_dsp.h"
#include "kernels/cortex_m/ht_finish_sums.h"

static void ht_quad_finish_sums(const ht_quad* quad, int32_t pixels, void* output, size_t at) {
  const ht_depthwise_params* p = quad->params;
  for (int32_t pixel = 0; pixel < pixels; ++pixel, at += (size_t)p->output_stride) {
    int32_t sums[4];
    ht_quad_sums(quad, pixel, sums);
    ht_finish_sums(&p->epilogue, p->packed, ht_depthwise_outputs(p), quad->first, quad->count, sums, output, at);
  }
}

#endif
