// SPDX-License-Identifier: Apache-2.0
#include "ht_conv_f32.h"
#include "ht_sum.h"

void HT_FN(ht_gemm_f32)(const ht_gemm_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t unit = begin; unit < end; ++unit) {
    const ptrdiff_t batch = unit / p->rows, row = unit % p->rows;
    const float* x = (const float*)a->inputs[0] + batch * p->a_batch_stride + row * p->a_stride;
    const float* w = (p->weights ? p->weights : (const float*)a->inputs[1]) + batch * p->b_batch_stride;
    float* out = (float*)a->output + batch * p->output_batch_stride + row * p->output_stride;
    for (int32_t n = 0; n < p->columns; ++n, w += p->b_stride) {
      const float sum = p->alpha * ht_dot_f32(x, w, p->depth);
      out[n] = p->bias ? sum + p->beta * p->bias[n] : sum;
    }
  }
}
