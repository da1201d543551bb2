// SPDX-License-Identifier: Apache-2.0
#include "ht_table.h"

void HT_FN(ht_table)(const ht_table_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* in = (const int8_t*)a->inputs[0] + (ptrdiff_t)row * p->input_stride;
    int8_t* out = (int8_t*)a->output + (ptrdiff_t)row * p->output_stride;
    const int8_t* table = p->table + 128;
    for (int32_t c = 0; c < p->channels; ++c, table += p->table_step) out[c] = table[in[c]];
  }
}
