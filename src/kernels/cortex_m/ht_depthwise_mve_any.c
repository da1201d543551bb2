// SPDX-License-Identifier: Apache-2.0
#define HT_DEPTHWISE_SUMS 1
#define HT_OWN 0
#define HT_ACTIVATED 0
#include "kernels/cortex_m/ht_depthwise_walk_mve.h"

size_t HT_FN(ht_depthwise_mve_any_scratch)(const ht_depthwise_params* p) { return ht_depthwise_walk_scratch(p); }

void HT_FN(ht_depthwise_mve_any)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) { ht_depthwise_rows(p, a, begin, end); }
