// SPDX-License-Identifier: Apache-2.0
#include "kernels/kernel_table.h"

#ifdef HT_SUFFIX
#define HT_TABLE_NAME HT_JOIN(ht_kernel_table, HT_SUFFIX)
#else
#define HT_TABLE_NAME ht_kernel_table_c
#endif

const ht_kernel_table HT_TABLE_NAME = {
#define HT_ENTRY(name, params) .name = HT_FN(ht_##name),
    HT_KERNELS(HT_ENTRY)
#undef HT_ENTRY
#define HT_ENTRY(name, params) .name##_scratch = HT_FN(ht_##name##_scratch),
        HT_SCRATCH_KERNELS(HT_ENTRY)
#undef HT_ENTRY
};
