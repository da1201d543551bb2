// SPDX-License-Identifier: Apache-2.0
// The walk over the output of a convolution with DSP instructions: four pixels at a time in memory's order, whatever row they are
// in, then what is left one by one. Includes the form of ht_conv_tile_dsp.h that HT_CONV_DEEP and HT_CONV_SUMS ask for.
#ifndef HT_CONV_WALK_DSP_H
#define HT_CONV_WALK_DSP_H

#include "kernels/cortex_m/ht_conv_dsp.h"
#include "kernels/cortex_m/ht_conv_tile_dsp.h"
#include "kernels/cortex_m/ht_widen_dsp.h"
#if HT_CONV_SUMS
#include "kernels/cortex_m/ht_finish_sums.h"
#endif

// Scratch: the patches of a tile; a row of the filter in bytes, where channels are no words; where sums are asked for those of a tile.
static inline size_t ht_tile_pixels(const ht_conv_params* p) {
  return p->batch * p->output_height * p->output_width < HT_TILE_PIXELS ? 1 : HT_TILE_PIXELS;
}
static inline size_t ht_tile_words(const ht_conv_params* p) {
  const size_t row = p->input_channels / p->groups % 4 == 0 ? 0 : (ht_row_inputs(p) + 3) / 4;
  return ht_tile_pixels(p) * ht_patch_words(p) + row;
}
static inline size_t ht_walk_scratch(const ht_conv_params* p) {
  const size_t sums = HT_CONV_SUMS ? ht_tile_pixels(p) * (size_t)(p->output_channels / p->groups) : 0;
  return (ht_tile_words(p) + sums) * sizeof(uint32_t);
}

// What stays the same for a group of channels.
typedef struct ht_walk {
  const ht_conv_params* params;
  int32_t first, outputs;  // channels of the output
  int32_t first_input;
  int32_t lift;
  size_t pair_bytes;
  const int8_t* weights;
  const ht_channel_dsp* channels;
  uint32_t* patches;
} ht_walk;

static inline ht_walk ht_walk_group(const ht_conv_params* p, int32_t group, void* scratch) {
  const int32_t outputs = p->output_channels / p->groups, pairs = (outputs + 1) / 2;
  const size_t pair_bytes = ht_patch_words(p) * sizeof(uint32_t);
  const ht_channel_dsp* channels = ht_channels_of(p->packed);
  const int8_t* weights = (const int8_t*)(channels + p->groups * pairs * 2);
  const ht_walk walk = {p,
                        group * outputs,
                        outputs,
                        group * (p->input_channels / p->groups),
                        ht_layer_of(p->packed)->lift,
                        pair_bytes,
                        weights + (size_t)(group * pairs) * pair_bytes,
                        channels + group * pairs * 2,
                        (uint32_t*)scratch};
  return walk;
}

// Where the walk is.
typedef struct ht_pixel {
  const int8_t* image;
  int32_t oy, ox;
} ht_pixel;

// Widens the patch of a pixel and goes on to the next one.
static inline void ht_walk_widen(const ht_walk* walk, ht_pixel* at, size_t pitch, uint32_t* to) {
  const ht_conv_params* p = walk->params;
  int8_t* bytes = (int8_t*)(walk->patches + ht_tile_pixels(p) * ht_patch_words(p));
  ht_widen_patch(p, at->image, at->oy, at->ox, walk->first_input, bytes, pitch, to);
  if (++at->ox < p->output_width) return;
  at->ox = 0;
  if (++at->oy < p->output_height) return;
  at->oy = 0;
  at->image += (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
}

static inline void ht_walk_four(const ht_walk* walk, ht_tile_output* output, int32_t stride) {
  const int32_t pairs = walk->outputs / 2;
  if (pairs > 0)
    ht_tile_four_pixels(walk->patches, walk->weights, walk->channels, output, stride, pairs, walk->lift, walk->pair_bytes);
  if (walk->outputs % 2 == 0) return;
  for (int32_t pixel = 0; pixel < HT_TILE_PIXELS; ++pixel)
    ht_tile_pair(walk->patches + pixel, HT_TILE_PIXELS, walk->weights + (size_t)pairs * walk->pair_bytes, walk->pair_bytes,
                 walk->channels + 2 * pairs, 1, walk->lift, output + pixel * stride + 2 * pairs);
}

static inline void ht_walk_one(const ht_walk* walk, ht_tile_output* output) {
  const int32_t quads = walk->outputs / 4;
  if (quads > 0)
    ht_tile_one_pixel(walk->patches, walk->weights, walk->channels, output, quads, walk->lift, walk->pair_bytes);
  for (int32_t o = quads * 4; o < walk->outputs; o += 2)
    ht_tile_pair(walk->patches, 1, walk->weights + (size_t)(o / 2) * walk->pair_bytes, walk->pair_bytes, walk->channels + o,
                 walk->outputs - o == 1 ? 1 : 2, walk->lift, output + o);
}

// Computes `pixels` (four or one) whose patches are there, into output[at], output[at + output_stride], ...
static inline void ht_walk_tile(const ht_walk* walk, int32_t pixels, void* output, size_t at) {
  const ht_conv_params* p = walk->params;
#if HT_CONV_SUMS
  int32_t* sums = (int32_t*)(walk->patches + ht_tile_words(p));
  if (pixels == HT_TILE_PIXELS) {
    ht_walk_four(walk, sums, walk->outputs);
  } else {
    ht_walk_one(walk, sums);
  }
  for (int32_t pixel = 0; pixel < pixels; ++pixel)
    ht_finish_sums(&p->epilogue, p->packed, p->output_channels, walk->first, walk->outputs, sums + pixel * walk->outputs, output,
              at + (size_t)pixel * (size_t)p->output_stride);
#else
  int8_t* bytes = (int8_t*)output + at;
  if (pixels == HT_TILE_PIXELS) {
    ht_walk_four(walk, bytes, p->output_stride);
  } else {
    ht_walk_one(walk, bytes);
  }
  if (ht_layer_of(p->packed)->clamps)
    for (int32_t pixel = 0; pixel < pixels; ++pixel)
      ht_clamp_dsp(walk->channels, walk->outputs, bytes + (ptrdiff_t)pixel * p->output_stride);
#endif
}

static inline void ht_walk_rows(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_bytes = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const ht_pixel start = {(const int8_t*)a->inputs[0] + (size_t)(begin / p->output_height) * image_bytes, begin % p->output_height, 0};
  for (int32_t group = 0; group < p->groups; ++group) {
    const ht_walk walk = ht_walk_group(p, group, a->scratch);
    ht_pixel place = start;
    size_t at = (size_t)begin * (size_t)p->output_width * (size_t)p->output_stride + (size_t)walk.first;
    int32_t left = (end - begin) * p->output_width;
    while (left > 0) {
      const int32_t pixels = left < HT_TILE_PIXELS ? 1 : HT_TILE_PIXELS;
      for (int32_t pixel = 0; pixel < pixels; ++pixel) ht_walk_widen(&walk, &place, (size_t)pixels, walk.patches + pixel);
      ht_walk_tile(&walk, pixels, a->output, at);
      at += (size_t)pixels * (size_t)p->output_stride;
      left -= pixels;
    }
  }
}

#endif
