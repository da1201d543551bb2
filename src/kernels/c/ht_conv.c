// SPDX-License-Identifier: Apache-2.0
#include "ht_conv.h"

#include "ht_dot.h"
#include "ht_finish.h"

// Scratch: HT_DOT_ROWS widened patches, then as many rows of sums.
static size_t patch_depth(const ht_conv_params* p) {
  return (size_t)p->kernel_height * (size_t)p->kernel_width * (size_t)(p->input_channels / p->groups);
}

static size_t patch_bytes(const ht_conv_params* p) { return (HT_DOT_ROWS * patch_depth(p) * sizeof(int16_t) + 63) / 64 * 64; }

size_t HT_FN(ht_conv_scratch)(const ht_conv_params* p) {
  return patch_bytes(p) + HT_DOT_ROWS * (size_t)(p->output_channels / p->groups) * sizeof(int32_t);
}

static void widen(const int8_t* HT_RESTRICT from, int32_t count, int16_t* HT_RESTRICT to) {
  for (int32_t i = 0; i < count; ++i) to[i] = from[i];
}

// The inputs under the filter for one output pixel, in the order of the weights.
static void gather_patch(const ht_conv_params* p, const int8_t* image, int32_t oy, int32_t ox, int32_t first_channel,
                         int16_t* patch) {
  const int32_t channels = p->input_channels / p->groups;
  const int32_t y = oy * p->stride_height - p->pad_top;
  const int32_t x = ox * p->stride_width - p->pad_left;
  const bool adjacent = p->dilation_width == 1 && channels == p->input_stride && x >= 0 && x + p->kernel_width <= p->input_width;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t iy = y + ky * p->dilation_height;
    const bool row_inside = iy >= 0 && iy < p->input_height;
    if (row_inside && adjacent) {
      widen(image + ((ptrdiff_t)iy * p->input_width + x) * channels, p->kernel_width * channels, patch);
      patch += p->kernel_width * channels;
      continue;
    }
    for (int32_t kx = 0; kx < p->kernel_width; ++kx) {
      const int32_t ix = x + kx * p->dilation_width;
      const bool inside = row_inside && ix >= 0 && ix < p->input_width;
      const int8_t* from = inside ? image + ((ptrdiff_t)iy * p->input_width + ix) * p->input_stride : p->padding;
      widen(from + first_channel, channels, patch);
      patch += channels;
    }
  }
}

static void convolve_row(const ht_conv_params* p, const int8_t* image, int32_t oy, void* output, size_t at, void* scratch) {
  const int32_t outputs = p->output_channels / p->groups;
  const size_t depth = patch_depth(p);
  int16_t* patches = (int16_t*)scratch;
  int32_t* sums = (int32_t*)((char*)scratch + patch_bytes(p));
  for (int32_t group = 0; group < p->groups; ++group) {
    const int32_t first = group * outputs;
    for (int32_t ox = 0; ox < p->output_width; ox += HT_DOT_ROWS) {
      const int32_t valid = p->output_width - ox < HT_DOT_ROWS ? p->output_width - ox : HT_DOT_ROWS;
      for (int32_t r = 0; r < HT_DOT_ROWS; ++r)  // a short tile repeats its last pixel
        gather_patch(p, image, oy, ox + (r < valid ? r : valid - 1), group * (p->input_channels / p->groups),
                     patches + (size_t)r * depth);
      ht_dot_rows(patches, depth, p->weights + (size_t)first * depth, depth, (int32_t)depth, outputs, p->bias + first, sums,
                  (size_t)outputs);
      for (int32_t r = 0; r < valid; ++r)
        ht_finish(&p->epilogue, first, outputs, sums + (size_t)r * (size_t)outputs, output,
                  at + (size_t)(ox + r) * (size_t)p->output_stride + (size_t)first);
    }
  }
}

void HT_FN(ht_conv)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const size_t at = (size_t)row * (size_t)p->output_width * (size_t)p->output_stride;
    convolve_row(p, image, row % p->output_height, a->output, at, a->scratch);
  }
}
