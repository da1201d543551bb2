// SPDX-License-Identifier: Apache-2.0
// The kernels as one instruction set compiled them.
#ifndef HT_KERNEL_TABLE_H
#define HT_KERNEL_TABLE_H

#include "kernels/kernel_list.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ht_kernel_table {
#define HT_FIELD(name, params) void (*name)(const params*, const ht_arguments*, int32_t, int32_t);
  HT_KERNELS(HT_FIELD)
#undef HT_FIELD
#define HT_FIELD(name, params) size_t (*name##_scratch)(const params*);
  HT_SCRATCH_KERNELS(HT_FIELD)
#undef HT_FIELD
} ht_kernel_table;

extern const ht_kernel_table ht_kernel_table_c;
#if defined(__x86_64__)
extern const ht_kernel_table ht_kernel_table_avx2;
extern const ht_kernel_table ht_kernel_table_avx512vnni;
#endif

#ifdef __cplusplus
}
#endif
#endif
