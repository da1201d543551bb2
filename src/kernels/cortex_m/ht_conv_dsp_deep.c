// SPDX-License-Identifier: Apache-2.0
#define HT_CONV_DEEP 1
#define HT_CONV_SUMS 0
#include "kernels/cortex_m/ht_clamp_dsp.h"
#include "kernels/cortex_m/ht_conv_walk_dsp.h"

size_t HT_FN(ht_conv_dsp_deep_scratch)(const ht_conv_params* p) { return ht_walk_scratch(p); }

void HT_FN(ht_conv_dsp_deep)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  ht_walk_rows(p, a, begin, end);
  ht_clamp_dsp(p->packed, p->output_channels, (end - begin) * p->output_width, p->output_stride, a->output, begin * p->output_width);
}
