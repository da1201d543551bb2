// SPDX-License-Identifier: Apache-2.0
#define HT_CONV_SUMS 0
#define HT_OWN 1
#include "kernels/cortex_m/ht_conv_walk_mve.h"

size_t HT_FN(ht_conv_mve_own_scratch)(const ht_conv_params* p) { return ht_walk_scratch(p); }

void HT_FN(ht_conv_mve_own)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) { ht_walk_rows(p, a, begin, end); }
