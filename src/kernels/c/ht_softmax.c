// SPDX-License-Identifier: Apache-2.0
#include "ht_softmax.h"

#include "ht_requantize.h"

void HT_FN(ht_softmax)(const ht_softmax_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t unit = begin; unit < end; ++unit) {
    const ptrdiff_t at = (ptrdiff_t)(unit / p->inner) * p->n * p->inner + unit % p->inner;
    const int8_t* in = (const int8_t*)a->inputs[0] + at;
    int8_t* out = (int8_t*)a->output + at;
    int32_t most = INT8_MIN;
    for (int32_t i = 0; i < p->n; ++i) most = in[(ptrdiff_t)i * p->inner] > most ? in[(ptrdiff_t)i * p->inner] : most;
    uint64_t sum = 0;
    for (int32_t i = 0; i < p->n; ++i) sum += p->exponentials[most - in[(ptrdiff_t)i * p->inner]];
    for (int32_t i = 0; i < p->n; ++i) {
      const uint64_t e = p->exponentials[most - in[(ptrdiff_t)i * p->inner]];
      const int32_t share = (int32_t)(((e << p->output_bits) + sum / 2) / sum);
      out[(ptrdiff_t)i * p->inner] = (int8_t)ht_clamp(share + p->output_zero_point, INT8_MIN, INT8_MAX);
    }
  }
}
