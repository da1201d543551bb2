// SPDX-License-Identifier: Apache-2.0
// The walk over the output of a convolution with DSP instructions: four pixels at a time in memory's order, whatever row they are
// in, then what is left one by one.
#ifndef HT_CONV_WALK_DSP_H
#define HT_CONV_WALK_DSP_H

#include "kernels/c/ht_conv.h"
#include "kernels/cortex_m/ht_packed_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HT_TILE_PIXELS = 4 };

// Short channels are all expanded before the first pixel where they are not more than this many a group, else, for less memory,
// some before each tile.
enum { HT_MOST_EXPANDED = 384, HT_SOME_EXPANDED = 32 };

// The functions of ht_conv_tile_dsp.h in one of its forms, `channel` being what that packs of a channel.
typedef struct ht_tile_dsp {
  size_t channel_bytes;
  // Makes `count` channels (an even number) of short ones, from the `first` one on; NULL where there are none such.
  void (*expand)(const ht_layer_dsp* layer, const int8_t* stored, int32_t first, int32_t count, void* to);
  void (*four_pixels)(const uint32_t* x, const int8_t* w, const void* channel, void* output, int32_t stride, int32_t pairs, int32_t lift,
                      int32_t rounding, size_t pair_bytes);
  void (*one_pixel)(const uint32_t* x, const int8_t* w, const void* channel, void* output, int32_t quads, int32_t lift, int32_t rounding,
                    size_t pair_bytes);
  void (*pair)(const uint32_t* x, size_t pitch, const int8_t* w, const void* channel, void* output, int32_t channels, int32_t lift,
               int32_t rounding, size_t pair_bytes);
  // What becomes of the sums that the functions store (ht_finish_sums.h), or NULL where they store bytes.
  void (*finish)(const ht_epilogue* e, const void* packed, int32_t channels, int32_t first, int32_t count, int32_t* sums, void* output,
                 size_t at);
} ht_tile_dsp;

size_t HT_FN(ht_conv_walk_dsp_scratch)(const ht_conv_params* p, bool sums, size_t channel_bytes);
void HT_FN(ht_conv_walk_dsp)(const ht_tile_dsp* tile, const ht_conv_params* p, const void* input, void* output, void* scratch, int32_t begin,
                             int32_t end);

#ifdef __cplusplus
}
#endif
#endif
