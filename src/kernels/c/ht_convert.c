// SPDX-License-Identifier: Apache-2.0
#include "ht_convert.h"

#include "ht_requantize.h"

static int8_t quantize(float x, float scale, int8_t zero_point) {
  float y = x / scale;
  y = y < -1024.0f ? -1024.0f : y;
  y = y > 1024.0f ? 1024.0f : y;
  y = y != y ? 0.0f : y;
  return (int8_t)ht_clamp(ht_round_half_even(y) + zero_point, INT8_MIN, INT8_MAX);
}

void HT_FN(ht_quantize)(const ht_convert_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t row = begin; row < end; ++row) {
    const float* HT_RESTRICT in = (const float*)a->inputs[0] + (ptrdiff_t)row * p->input_stride;
    int8_t* HT_RESTRICT out = (int8_t*)a->output + (ptrdiff_t)row * p->output_stride;
    if (p->channel_step) {
      for (int32_t c = 0; c < p->channels; ++c) out[c] = quantize(in[c], p->scale[c], p->zero_point[c]);
    } else {
      const float scale = p->scale[0];
      const int8_t zero_point = p->zero_point[0];
      for (int32_t c = 0; c < p->channels; ++c) out[c] = quantize(in[c], scale, zero_point);
    }
  }
}

void HT_FN(ht_dequantize)(const ht_convert_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* HT_RESTRICT in = (const int8_t*)a->inputs[0] + (ptrdiff_t)row * p->input_stride;
    float* HT_RESTRICT out = (float*)a->output + (ptrdiff_t)row * p->output_stride;
    if (p->channel_step) {
      for (int32_t c = 0; c < p->channels; ++c) out[c] = (float)(in[c] - p->zero_point[c]) * p->scale[c];
    } else {
      const float scale = p->scale[0];
      const int32_t zero_point = p->zero_point[0];
      for (int32_t c = 0; c < p->channels; ++c) out[c] = (float)(in[c] - zero_point) * scale;
    }
  }
}
