// SPDX-License-Identifier: Apache-2.0
#include "ht_convert.h"

#include "ht_requantize.h"

static inline int8_t quantize(float x, float scale, int8_t zero_point) {
  float y = x / scale;
  y = y == y ? y : 0.0f;
  y = y < -1024.0f ? -1024.0f : y;
  y = y > 1024.0f ? 1024.0f : y;
  return (int8_t)ht_clamp(ht_round_small_half_even(y) + zero_point, INT8_MIN, INT8_MAX);
}

// With one scale for all and no gaps, the rows [begin, end) are one long row.
static int32_t row_length(const ht_convert_params* p, int32_t begin, int32_t end) {
  const bool gapless = p->channel_step == 0 && p->input_stride == p->channels && p->output_stride == p->channels;
  return gapless ? (end - begin) * p->channels : p->channels;
}

static void quantize_planes(const ht_convert_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t c = 0; c < p->channels; ++c) {
    const float* in = (const float*)a->inputs[0] + (ptrdiff_t)c * p->plane;
    int8_t* out = (int8_t*)a->output + c;
    const float scale = p->scale[c * p->channel_step];
    const int8_t zero_point = p->zero_point[c * p->channel_step];
    for (int32_t row = begin; row < end; ++row) out[(ptrdiff_t)row * p->output_stride] = quantize(in[(ptrdiff_t)row * p->input_stride], scale, zero_point);
  }
}

void HT_FN(ht_quantize)(const ht_convert_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  if (p->plane) {
    quantize_planes(p, a, begin, end);
    return;
  }
  const int32_t count = row_length(p, begin, end);
  for (int32_t row = begin; row<end; row += count> p->channels ? end - begin : 1) {
    const float* HT_RESTRICT in = (const float*)a->inputs[0] + (ptrdiff_t)row * p->input_stride;
    int8_t* HT_RESTRICT out = (int8_t*)a->output + (ptrdiff_t)row * p->output_stride;
    const float* HT_RESTRICT scale = p->scale;
    const int8_t* HT_RESTRICT zero_point = p->zero_point;
    if (p->channel_step) {
      for (int32_t c = 0; c < count; ++c) out[c] = quantize(in[c], scale[c], zero_point[c]);
    } else {
      for (int32_t c = 0; c < count; ++c) out[c] = quantize(in[c], scale[0], zero_point[0]);
    }
  }
}

void HT_FN(ht_dequantize)(const ht_convert_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t count = row_length(p, begin, end);
  for (int32_t row = begin; row<end; row += count> p->channels ? end - begin : 1) {
    const int8_t* HT_RESTRICT in = (const int8_t*)a->inputs[0] + (ptrdiff_t)row * p->input_stride;
    float* HT_RESTRICT out = (float*)a->output + (ptrdiff_t)row * p->output_stride;
    const float* HT_RESTRICT scale = p->scale;
    const int8_t* HT_RESTRICT zero_point = p->zero_point;
    if (p->channel_step) {
      for (int32_t c = 0; c < count; ++c) out[c] = (float)(in[c] - zero_point[c]) * scale[c];
    } else {
      for (int32_t c = 0; c < count; ++c) out[c] = (float)(in[c] - zero_point[0]) * scale[0];
    }
  }
}
