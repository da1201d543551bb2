// SPDX-License-Identifier: Apache-2.0
#define HT_DEPTHWISE_SUMS 1
#define HT_OWN 0
#define HT_ACTIVATED 1
#include "kernels/cortex_m/ht_depthwise_walk_mve.h"

size_t HT_FN(ht_depthwise_mve_activated_scratch)(const ht_depthwise_params* p) { return ht_depthwise_walk_scratch(p); }

void HT_FN(ht_depthwise_mve_activated)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  ht_depthwise_params rest = *p;
  rest.packed = (const char*)p->packed + ht_activated_bytes(p->input_channels);
  ht_depthwise_rows(&rest, a, begin, end);
}
