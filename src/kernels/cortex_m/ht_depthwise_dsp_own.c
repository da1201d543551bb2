// SPDX-License-Identifier: Apache-2.0
#define HT_OWN 1
#include "kernels/cortex_m/ht_clamp_dsp.h"
#include "kernels/cortex_m/ht_depthwise_bytes_dsp.h"

size_t HT_FN(ht_depthwise_dsp_own_scratch)(const ht_depthwise_params* p) { return ht_depthwise_room(p); }

void HT_FN(ht_depthwise_dsp_own)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  ht_depthwise_rows(p, a, begin, end, ht_quad_finish_bytes);
  ht_bound_rows(p->packed, ht_depthwise_outputs(p), p->output_width, p->output_stride, a->output, begin, end);
}
