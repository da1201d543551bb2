// SPDX-License-Identifier: Apache-2.0
// A convolution's walk over its output: tiles of pixels share each row of weights while it is in registers.
#ifndef HT_PATCH_H
#define HT_PATCH_H

#include "ht_conv.h"

enum { HT_PATCH_ROWS = 4 };  // pixels of a tile

static inline size_t ht_patch_depth(const ht_conv_params* p) {
  return (size_t)p->kernel_height * (size_t)p->kernel_width * (size_t)(p->input_channels / p->groups);
}

// What tells one kind of convolution from another. `params` are the kernel's own.
typedef struct ht_convolution {
  size_t input_bytes;   // of an element: 1 or 2, signed
  const void* padding;  // [input_channels] elements
  size_t sum_bytes;
  // sums[r * outputs + o] of the tile's patches [HT_PATCH_ROWS][depth] and output channels [first, first + outputs); `memory` is
  // the caller's own part of the scratch.
  void (*add)(const void* params, const int16_t* patches, size_t depth, int32_t first, int32_t outputs, void* sums, void* memory);
  void (*finish)(const void* params, int32_t first, int32_t outputs, void* sums, void* output, size_t at);
} ht_convolution;

// Scratch: the tile's patches, its sums, and what the caller needs beside them.
static inline size_t ht_patch_bytes(const ht_conv_params* p) {
  return (HT_PATCH_ROWS * ht_patch_depth(p) * sizeof(int16_t) + 63) / 64 * 64;
}
static inline size_t ht_sums_bytes(const ht_conv_params* p, size_t sum_bytes) {
  return (HT_PATCH_ROWS * (size_t)(p->output_channels / p->groups) * sum_bytes + 63) / 64 * 64;
}
static inline size_t ht_convolve_scratch(const ht_conv_params* p, size_t sum_bytes) {
  return ht_patch_bytes(p) + ht_sums_bytes(p, sum_bytes);
}

static inline void ht_widen(const void* HT_RESTRICT from, size_t bytes, int32_t count, int16_t* HT_RESTRICT to) {
  if (bytes == 1) {
    for (int32_t i = 0; i < count; ++i) to[i] = ((const int8_t*)from)[i];
  } else {
    for (int32_t i = 0; i < count; ++i) to[i] = ((const int16_t*)from)[i];
  }
}

// The inputs under the filter for one output pixel, in the order of the weights.
static inline void ht_gather_patch(const ht_conv_params* p, const ht_convolution* c, const char* image, int32_t oy, int32_t ox,
                                   int32_t first_channel, int16_t* patch) {
  const int32_t channels = p->input_channels / p->groups;
  const ptrdiff_t bytes = (ptrdiff_t)c->input_bytes;
  const int32_t y = oy * p->stride_height - p->pad_top;
  const int32_t x = ox * p->stride_width - p->pad_left;
  const bool adjacent = p->dilation_width == 1 && channels == p->input_stride && x >= 0 && x + p->kernel_width <= p->input_width;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t iy = y + ky * p->dilation_height;
    const bool row_inside = iy >= 0 && iy < p->input_height;
    if (row_inside && adjacent) {
      ht_widen(image + ((ptrdiff_t)iy * p->input_width + x) * channels * bytes, c->input_bytes, p->kernel_width * channels, patch);
      patch += p->kernel_width * channels;
      continue;
    }
    for (int32_t kx = 0; kx < p->kernel_width; ++kx) {
      const int32_t ix = x + kx * p->dilation_width;
      const bool inside = row_inside && ix >= 0 && ix < p->input_width;
      const char* from =
          inside ? image + ((ptrdiff_t)iy * p->input_width + ix) * p->input_stride * bytes : (const char*)c->padding;
      ht_widen(from + first_channel * bytes, c->input_bytes, channels, patch);
      patch += channels;
    }
  }
}

static inline void ht_convolve_row(const ht_conv_params* p, const ht_convolution* c, const void* params, const char* image,
                                   int32_t oy, void* output, size_t at, void* scratch) {
  const int32_t outputs = p->output_channels / p->groups;
  const size_t depth = ht_patch_depth(p);
  int16_t* patches = (int16_t*)scratch;
  char* sums = (char*)scratch + ht_patch_bytes(p);
  for (int32_t group = 0; group < p->groups; ++group) {
    const int32_t first = group * outputs;
    for (int32_t ox = 0; ox < p->output_width; ox += HT_PATCH_ROWS) {
      const int32_t valid = p->output_width - ox < HT_PATCH_ROWS ? p->output_width - ox : HT_PATCH_ROWS;
      for (int32_t r = 0; r < HT_PATCH_ROWS; ++r)  // a short tile repeats its last pixel
        ht_gather_patch(p, c, image, oy, ox + (r < valid ? r : valid - 1), group * (p->input_channels / p->groups),
                        patches + (size_t)r * depth);
      c->add(params, patches, depth, first, outputs, sums, sums + ht_sums_bytes(p, c->sum_bytes));
      for (int32_t r = 0; r < valid; ++r)
        c->finish(params, first, outputs, sums + (size_t)r * (size_t)outputs * c->sum_bytes, output,
                  at + (size_t)(ox + r) * (size_t)p->output_stride + (size_t)first);
    }
  }
}

static inline void ht_convolve(const ht_conv_params* p, const ht_convolution* c, const void* params, const ht_arguments* a,
                               int32_t begin, int32_t end) {
  const size_t image_bytes = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride * c->input_bytes;
  for (int32_t row = begin; row < end; ++row) {
    const char* image = (const char*)a->inputs[0] + (size_t)(row / p->output_height) * image_bytes;
    const size_t at = (size_t)row * (size_t)p->output_width * (size_t)p->output_stride;
    ht_convolve_row(p, c, params, image, row % p->output_height, a->output, at, a->scratch);
  }
}

#endif
