// SPDX-License-Identifier: Apache-2.0
#include "ht_convert.h"
#include "ht_requantize.h"

static inline int16_t quantize(float x, float scale, int16_t zero_point) {
  const float limit = 262144.0f;
  float y = x / scale;
  y = y == y ? y : 0.0f;
  y = y < -limit ? -limit : y;
  y = y > limit ? limit : y;
  return (int16_t)ht_clamp(ht_round_small_half_even(y) + zero_point, INT16_MIN, INT16_MAX);
}

void HT_FN(ht_quantize_s16)(const ht_convert_s16_params* s16, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_convert_params* p = &s16->convert;
  for (int32_t row = begin; row < end; ++row) {
    const float* HT_RESTRICT in = (const float*)a->inputs[0] + (ptrdiff_t)row * p->input_stride;
    int16_t* HT_RESTRICT out = (int16_t*)a->output + (ptrdiff_t)row * p->output_stride;
    const float* HT_RESTRICT scale = p->scale;
    const int16_t* HT_RESTRICT zero_point = s16->zero_point;
    if (p->channel_step) {
      for (int32_t c = 0; c < p->channels; ++c) out[c] = quantize(in[c], scale[c], zero_point[c]);
    } else {
      for (int32_t c = 0; c < p->channels; ++c) out[c] = quantize(in[c], scale[0], zero_point[0]);
    }
  }
}

void HT_FN(ht_dequantize_s16)(const ht_convert_s16_params* s16, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_convert_params* p = &s16->convert;
  for (int32_t row = begin; row < end; ++row) {
    const int16_t* HT_RESTRICT in = (const int16_t*)a->inputs[0] + (ptrdiff_t)row * p->input_stride;
    float* HT_RESTRICT out = (float*)a->output + (ptrdiff_t)row * p->output_stride;
    const float* HT_RESTRICT scale = p->scale;
    const int16_t* HT_RESTRICT zero_point = s16->zero_point;
    if (p->channel_step) {
      for (int32_t c = 0; c < p->channels; ++c) out[c] = (float)(in[c] - zero_point[c]) * scale[c];
    } else {
      for (int32_t c = 0; c < p->channels; ++c) out[c] = (float)(in[c] - zero_point[0]) * scale[0];
    }
  }
}
