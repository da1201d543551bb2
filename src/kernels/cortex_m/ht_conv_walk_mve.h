// SPDX-License-Identifier: Apache-2.0
// The walk over the output of a convolution with Helium instructions: two pixels at a time in memory's order, whatever row they are
// in. Includes the form of ht_conv_tile_mve.h that HT_CONV_SUMS asks for.
#ifndef HT_CONV_WALK_MVE_H
#define HT_CONV_WALK_MVE_H

#include "kernels/cortex_m/ht_conv_mve.h"
#include "kernels/cortex_m/ht_conv_tile_mve.h"
#if HT_CONV_SUMS
#include "kernels/cortex_m/ht_finish_sums.h"
#endif

static inline int32_t ht_walk_depth(const ht_conv_params* p) {
  return p->kernel_height * p->kernel_width * (p->input_channels / p->groups);
}

// Whether a patch is a pixel of the input, so that nothing has to be copied.
static inline bool ht_walk_in_place(const ht_conv_params* p) {
  return p->kernel_height == 1 && p->kernel_width == 1 && p->pad_top == 0 && p->pad_left == 0 &&
         (p->output_height - 1) * p->stride_height < p->input_height && (p->output_width - 1) * p->stride_width < p->input_width;
}

// Scratch: where sums are asked for those of two pixels; two patches.
static inline size_t ht_walk_sums(const ht_conv_params* p) { return HT_CONV_SUMS ? 2 * (size_t)(p->output_channels / p->groups) : 0; }
static inline size_t ht_walk_scratch(const ht_conv_params* p) {
  return ht_walk_sums(p) * sizeof(int32_t) + (ht_walk_in_place(p) ? 0 : 2 * (size_t)ht_walk_depth(p));
}

// What stays the same for a group of channels.
typedef struct ht_walk {
  const ht_conv_params* params;
  int32_t first, outputs;  // channels of the output
  int32_t first_input;
  int32_t depth, lift;
  const int8_t* weights;
  const ht_block_mve* blocks;
  int32_t* sums;
  int8_t* patches;
} ht_walk;

static inline ht_walk ht_walk_group(const ht_conv_params* p, int32_t group, void* scratch) {
  const int32_t outputs = p->output_channels / p->groups, depth = ht_walk_depth(p);
  const int32_t blocks = (outputs + HT_BLOCK_CHANNELS - 1) / HT_BLOCK_CHANNELS;
  const ht_block_mve* block = ht_blocks_of(p->packed);
  const int8_t* weights = (const int8_t*)(block + p->groups * blocks);
  const ht_walk walk = {p,
                        group * outputs,
                        outputs,
                        group * (p->input_channels / p->groups),
                        depth,
                        ((const ht_layer_mve*)p->packed)->lift,
                        weights + (ptrdiff_t)(group * outputs) * depth,
                        block + group * blocks,
                        (int32_t*)scratch,
                        (int8_t*)((int32_t*)scratch + ht_walk_sums(p))};
  return walk;
}

// Where the walk is.
typedef struct ht_pixel {
  const int8_t* image;
  int32_t oy, ox;
} ht_pixel;

static inline void ht_pixel_step(const ht_conv_params* p, ht_pixel* at) {
  if (++at->ox < p->output_width) return;
  at->ox = 0;
  if (++at->oy < p->output_height) return;
  at->oy = 0;
  at->image += (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
}

static inline void ht_copy_patch(const ht_walk* walk, const ht_pixel* at, int8_t* to) {
  const ht_conv_params* p = walk->params;
  const int32_t channels = p->input_channels / p->groups;
  const int32_t x = at->ox * p->stride_width - p->pad_left;
  const bool adjacent = p->dilation_width == 1 && channels == p->input_stride && x >= 0 && x + p->kernel_width <= p->input_width;
  int32_t y = at->oy * p->stride_height - p->pad_top;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky, y += p->dilation_height) {
    const int8_t* row = y >= 0 && y < p->input_height ? at->image + (ptrdiff_t)y * p->input_width * p->input_stride : NULL;
    if (adjacent && row) {
      ht_copy_bytes(row + (ptrdiff_t)x * p->input_stride, p->kernel_width * channels, to);
      to += p->kernel_width * channels;
      continue;
    }
    for (int32_t kx = 0; kx < p->kernel_width; ++kx, to += channels) {
      const int32_t ix = x + kx * p->dilation_width;
      const int8_t* from = row && ix >= 0 && ix < p->input_width ? row + (ptrdiff_t)ix * p->input_stride : p->padding;
      ht_copy_bytes(from + walk->first_input, channels, to);
    }
  }
}

// The patch of a pixel: where it lies, or copied to `to`.
static inline const int8_t* ht_walk_patch(const ht_walk* walk, const ht_pixel* at, bool in_place, int8_t* to) {
  const ht_conv_params* p = walk->params;
  if (in_place)
    return at->image + ((ptrdiff_t)at->oy * p->stride_height * p->input_width + at->ox * p->stride_width) * p->input_stride +
           walk->first_input;
  ht_copy_patch(walk, at, to);
  return to;
}

// The channels beyond the last four, one by one.
static inline void ht_walk_last_channels(const ht_walk* walk, const int8_t* x, ht_tile_output* output) {
  for (int32_t o = walk->outputs / HT_BLOCK_CHANNELS * HT_BLOCK_CHANNELS; o < walk->outputs; ++o) {
    const ht_block_mve* block = walk->blocks + o / HT_BLOCK_CHANNELS;
    const int32_t lane = o % HT_BLOCK_CHANNELS;
    const int32_t sum = ht_add_dot(x, walk->weights + (ptrdiff_t)o * walk->depth, HT_VECTOR_BYTES, walk->depth, block->bias[lane]);
    output[o] = ht_tile_value(sum, walk->lift, block, lane);
  }
}

// Channels by eight; the last four of an odd number as if for two pixels.
static inline void ht_walk_one(const ht_walk* walk, const int8_t* x, ht_tile_output* output) {
  const int32_t blocks = walk->outputs / HT_BLOCK_CHANNELS, pairs = blocks / 2;
  if (pairs > 0) ht_tile_two_blocks(x, walk->weights, walk->blocks, output, pairs, walk->depth, walk->lift);
  if (blocks % 2 == 1) {
    const int32_t done = 2 * pairs * HT_BLOCK_CHANNELS;
    ht_tile_output again[HT_BLOCK_CHANNELS];
    ht_tile_two_pixels(x, x, walk->weights + (ptrdiff_t)done * walk->depth, walk->blocks + 2 * pairs, output + done, again, 1,
                       walk->depth, walk->lift);
  }
  ht_walk_last_channels(walk, x, output);
}

static inline void ht_walk_two(const ht_walk* walk, const int8_t* x0, const int8_t* x1, ht_tile_output* first, ht_tile_output* second) {
  const int32_t blocks = walk->outputs / HT_BLOCK_CHANNELS;
  if (blocks > 0) ht_tile_two_pixels(x0, x1, walk->weights, walk->blocks, first, second, blocks, walk->depth, walk->lift);
  if (walk->outputs % HT_BLOCK_CHANNELS == 0) return;
  ht_walk_last_channels(walk, x0, first);
  ht_walk_last_channels(walk, x1, second);
}

// One pixel, or two where x1 is there, into output[at], output[at + output_stride].
static inline void ht_walk_tile(const ht_walk* walk, const int8_t* x0, const int8_t* x1, void* output, size_t at) {
  const ht_conv_params* p = walk->params;
#if HT_CONV_SUMS
  ht_tile_output *first = walk->sums, *second = first + walk->outputs;
#else
  ht_tile_output *first = (int8_t*)output + at, *second = first + p->output_stride;
#endif
  if (x1) {
    ht_walk_two(walk, x0, x1, first, second);
  } else {
    ht_walk_one(walk, x0, first);
  }
#if HT_CONV_SUMS
  ht_finish_sums(&p->epilogue, p->packed, p->output_channels, walk->first, walk->outputs, first, output, at);
  if (x1) ht_finish_sums(&p->epilogue, p->packed, p->output_channels, walk->first, walk->outputs, second, output, at + (size_t)p->output_stride);
#endif
}

static inline void ht_walk_rows(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_bytes = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const ht_pixel start = {(const int8_t*)a->inputs[0] + (size_t)(begin / p->output_height) * image_bytes, begin % p->output_height, 0};
  const bool in_place = ht_walk_in_place(p);
  for (int32_t group = 0; group < p->groups; ++group) {
    const ht_walk walk = ht_walk_group(p, group, a->scratch);
    ht_pixel place = start;
    size_t at = (size_t)begin * (size_t)p->output_width * (size_t)p->output_stride + (size_t)walk.first;
    for (int32_t left = (end - begin) * p->output_width; left > 0; left -= 2, at += 2 * (size_t)p->output_stride) {
      const int8_t* x0 = ht_walk_patch(&walk, &place, in_place, walk.patches);
      const int8_t* x1 = NULL;
      ht_pixel_step(p, &place);
      if (left > 1) {
        x1 = ht_walk_patch(&walk, &place, in_place, walk.patches + walk.depth);
        ht_pixel_step(p, &place);
      }
      ht_walk_tile(&walk, x0, x1, a->output, at);
    }
  }
}

#endif
