// SPDX-License-Identifier: Apache-2.0
#ifndef HT_TABLE_H
#define HT_TABLE_H

#include "ht_kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

// output[r][c] = table[c * table_step + input[r][c] + 128]; table_step is 0 (one table) or 256 (one a channel).
// int8 to int8; may work in place. A unit is a row.
typedef struct ht_table_params {
  int32_t rows, channels;
  int32_t input_stride, output_stride;
  int32_t table_step;
  const int8_t* table;
} ht_table_params;

static inline int32_t ht_table_units(const ht_table_params* p) { return p->rows; }
void HT_FN(ht_table)(const ht_table_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
