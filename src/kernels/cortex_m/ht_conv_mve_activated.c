// SPDX-License-Identifier: Apache-2.0
#define HT_CONV_SUMS 1
#define HT_OWN 0
#define HT_ACTIVATED 1
#include "kernels/cortex_m/ht_conv_walk_mve.h"

size_t HT_FN(ht_conv_mve_activated_scratch)(const ht_conv_params* p) { return ht_walk_scratch(p); }

void HT_FN(ht_conv_mve_activated)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  ht_conv_params rest = *p;
  rest.packed = (const char*)p->packed + ht_activated_bytes(p->output_channels);
  ht_walk_rows(&rest, a, begin, end);
}
