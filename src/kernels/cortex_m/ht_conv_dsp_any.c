// SPDX-License-Identifier: Apache-2.0
#define HT_CONV_DEEP 1
#define HT_CONV_SUMS 1
#define HT_ACTIVATED 0
#include "kernels/cortex_m/ht_conv_tile_dsp.h"

size_t HT_FN(ht_conv_dsp_any_scratch)(const ht_conv_params* p) { return HT_FN(ht_conv_walk_dsp_scratch)(p, HT_CONV_SUMS, 0); }

void HT_FN(ht_conv_dsp_any)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  HT_FN(ht_conv_walk_dsp)(&ht_tile, p, a->inputs[0], a->output, a->scratch, begin, end);
}
