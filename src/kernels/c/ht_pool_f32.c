// SPDX-License-Identifier: Apache-2.0
#include "ht_pool.h"
#include "ht_window.h"

static void pool_pixel_f32(const ht_pool_f32_params* p, const float* image, ht_window y, ht_window x, float* HT_RESTRICT out) {
  for (int32_t c = 0; c < p->channels; ++c) out[c] = p->kind == HT_POOL_MAX ? -FLT_MAX : 0.0f;
  for (int32_t ky = y.first; ky < y.last; ++ky) {
    const float* row = image + (ptrdiff_t)(y.start + ky * p->dilation_height) * p->input_width * p->input_stride;
    for (int32_t kx = x.first; kx < x.last; ++kx) {
      const float* HT_RESTRICT pixel = row + (ptrdiff_t)(x.start + kx * p->dilation_width) * p->input_stride;
      if (p->kind == HT_POOL_MAX) {
        for (int32_t c = 0; c < p->channels; ++c) out[c] = out[c] > pixel[c] ? out[c] : pixel[c];
      } else {
        for (int32_t c = 0; c < p->channels; ++c) out[c] += pixel[c];
      }
    }
  }
  const int32_t count = y.counted * x.counted;
  const float divisor = (float)(count > 0 ? count : 1);
  if (p->kind == HT_POOL_AVERAGE)
    for (int32_t c = 0; c < p->channels; ++c) out[c] /= divisor;
}

void HT_FN(ht_pool_f32)(const ht_pool_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  for (int32_t row = begin; row < end; ++row) {
    const float* image = (const float*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const ht_window y = ht_clip_window(row % p->output_height, p->stride_height, p->pad_top, p->pad_bottom, p->dilation_height,
                                 p->kernel_height, p->input_height, p->count_padding);
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      const ht_window x = ht_clip_window(ox, p->stride_width, p->pad_left, p->pad_right, p->dilation_width, p->kernel_width,
                                   p->input_width, p->count_padding);
      pool_pixel_f32(p, image, y, x,
                     (float*)a->output + ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride);
    }
  }
}
