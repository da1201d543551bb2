// SPDX-License-Identifier: Apache-2.0
#define HT_CONV_DEEP 1
#define HT_CONV_SUMS 1
#define HT_ACTIVATED 1
#include "kernels/cortex_m/ht_conv_tile_dsp.h"

size_t HT_FN(ht_conv_dsp_activated_scratch)(const ht_conv_params* p) { return HT_FN(ht_conv_walk_dsp_scratch)(p, HT_CONV_SUMS, 0); }

void HT_FN(ht_conv_dsp_activated)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  ht_conv_params rest = *p;
  rest.packed = (const char*)p->packed + ht_activated_bytes(p->output_channels);
  HT_FN(ht_conv_walk_dsp)(&ht_tile, &rest, a->inputs[0], a->output, a->scratch, begin, end);
}
