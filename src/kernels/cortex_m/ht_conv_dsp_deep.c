// SPDX-License-Identifier: Apache-2.0
#define HT_CONV_DEEP 1
#define HT_CONV_SUMS 0
#include "kernels/cortex_m/ht_clamp_dsp.h"
#include "kernels/cortex_m/ht_conv_tile_dsp.h"

size_t HT_FN(ht_conv_dsp_deep_scratch)(const ht_conv_params* p) { return HT_FN(ht_conv_walk_dsp_scratch)(p, HT_CONV_SUMS, sizeof(ht_tile_channel)); }

void HT_FN(ht_conv_dsp_deep)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  HT_FN(ht_conv_walk_dsp)(&ht_tile, p, a->inputs[0], a->output, a->scratch, begin, end);
  ht_bound_rows(p->packed, p->output_channels, p->output_width, p->output_stride, a->output, begin, end);
}
