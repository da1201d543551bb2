// SPDX-License-Identifier: Apache-2.0
#define HT_DEPTHWISE_SUMS 1
#include "kernels/cortex_m/ht_depthwise_walk_mve.h"

size_t ht_depthwise_mve_any_scratch(const ht_depthwise_params* p) { return ht_depthwise_walk_scratch(p); }

void ht_depthwise_mve_any(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) { ht_depthwise_rows(p, a, begin, end); }
