// SPDX-License-Identifier: Apache-2.0
// The inputs under a convolution's filter, widened to 16 bits.
#ifndef HT_PATCH_H
#define HT_PATCH_H

#include "ht_conv.h"

static inline size_t ht_patch_depth(const ht_conv_params* p) {
  return (size_t)p->kernel_height * (size_t)p->kernel_width * (size_t)(p->input_channels / p->groups);
}

static inline void ht_widen(const int8_t* HT_RESTRICT from, int32_t count, int16_t* HT_RESTRICT to) {
  for (int32_t i = 0; i < count; ++i) to[i] = from[i];
}

// The inputs under the filter for one output pixel, in the order of the weights.
static inline void ht_gather_patch(const ht_conv_params* p, const int8_t* image, int32_t oy, int32_t ox, int32_t first_channel,
                                   int16_t* patch) {
  const int32_t channels = p->input_channels / p->groups;
  const int32_t y = oy * p->stride_height - p->pad_top;
  const int32_t x = ox * p->stride_width - p->pad_left;
  const bool adjacent = p->dilation_width == 1 && channels == p->input_stride && x >= 0 && x + p->kernel_width <= p->input_width;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t iy = y + ky * p->dilation_height;
    const bool row_inside = iy >= 0 && iy < p->input_height;
    if (row_inside && adjacent) {
      ht_widen(image + ((ptrdiff_t)iy * p->input_width + x) * channels, p->kernel_width * channels, patch);
      patch += p->kernel_width * channels;
      continue;
    }
    for (int32_t kx = 0; kx < p->kernel_width; ++kx) {
      const int32_t ix = x + kx * p->dilation_width;
      const bool inside = row_inside && ix >= 0 && ix < p->input_width;
      const int8_t* from = inside ? image + ((ptrdiff_t)iy * p->input_width + ix) * p->input_stride : p->padding;
      ht_widen(from + first_channel, channels, patch);
      patch += channels;
    }
  }
}

#endif
