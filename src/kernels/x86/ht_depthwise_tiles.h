// SPDX-License-Identifier: Apache-2.0
// A depthwise convolution's walk over its output: tiles of pixels share each weight while it is in registers.
#ifndef HT_DEPTHWISE_TILES_H
#define HT_DEPTHWISE_TILES_H

#include "kernels/x86/ht_conv_x86.h"

enum { HT_TILE_PIXELS = 4 };

// Where each tap of a pixel reads, and the padding once more behind them.
typedef struct ht_pixel_taps {
  const int8_t* at[HT_DEPTHWISE_TAPS + 1];
} ht_pixel_taps;

// Writes `count` channels from `first` on of the `valid` pixels at output[at].
typedef void (*ht_depthwise_block)(const ht_depthwise_params* p, const void* context, const ht_pixel_taps taps[HT_TILE_PIXELS],
                                   int32_t first, int32_t count, int32_t valid, void* output, size_t at);

static inline void ht_find_taps(const ht_depthwise_params* p, const int8_t* image, int32_t oy, int32_t ox, ht_pixel_taps* taps) {
  const int8_t** next = taps->at;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t y = oy * p->stride_height - p->pad_top + ky * p->dilation_height;
    for (int32_t kx = 0; kx < p->kernel_width; ++kx) {
      const int32_t x = ox * p->stride_width - p->pad_left + kx * p->dilation_width;
      const bool inside = y >= 0 && y < p->input_height && x >= 0 && x < p->input_width;
      *next++ = inside ? image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride : p->padding;
    }
  }
  *next = p->padding;
}

// `vector` channels at a time; `context` is the block's own.
static inline void ht_depthwise_tiles(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end, int32_t vector,
                                      ht_depthwise_block block, const void* context) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    for (int32_t ox = 0; ox < p->output_width; ox += HT_TILE_PIXELS) {
      const int32_t valid = p->output_width - ox < HT_TILE_PIXELS ? p->output_width - ox : HT_TILE_PIXELS;
      ht_pixel_taps taps[HT_TILE_PIXELS];
      for (int32_t r = 0; r < HT_TILE_PIXELS; ++r)  // a short tile repeats its last pixel
        ht_find_taps(p, image, row % p->output_height, ox + (r < valid ? r : valid - 1), &taps[r]);
      const size_t at = ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride;
      for (int32_t first = 0; first < p->input_channels; first += vector) {
        const int32_t count = p->input_channels - first < vector ? p->input_channels - first : vector;
        block(p, context, taps, first, count, valid, a->output, at + (size_t)first);
      }
    }
  }
}

#endif
