// SPDX-License-Identifier: Apache-2.0
#define HT_ACTIVATED 1
#include "kernels/cortex_m/ht_depthwise_sums_dsp.h"

size_t HT_FN(ht_depthwise_dsp_activated_scratch)(const ht_depthwise_params* p) { return ht_depthwise_walk_scratch(p); }

void HT_FN(ht_depthwise_dsp_activated)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  ht_depthwise_params rest = *p;
  rest.packed = (const char*)p->packed + ht_activated_bytes(ht_depthwise_outputs(p));
  ht_depthwise_rows(&rest, a, begin, end, ht_quad_finish_sums);
}
