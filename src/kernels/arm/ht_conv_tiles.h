// SPDX-License-Identifier: Apache-2.0
// What the convolutions by Arm instructions share: weights in blocks of eight output channels, and the walk over the output, tile
// by tile of its pixels in memory's order, whatever row they are in.
#ifndef HT_CONV_TILES_H
#define HT_CONV_TILES_H

#include "kernels/arm/ht_conv_arm.h"
#include "kernels/arm/ht_finish_neon.h"
#include "kernels/c/ht_patch.h"

// The epilogue takes up to twenty-four pixels at once, because it loads its tables anew each time; of deep patches, whose sums
// take longer, only twelve, which stay in the nearest cache.
enum { HT_BLOCK = 8, HT_TILE = 24, HT_DEEP_TILE = 12, HT_DEEP = 512 };

// What a block's weights begin with.
typedef struct ht_block {
  int32_t bias[HT_BLOCK];
  int32_t has_least[4];  // [0]: whether a weight is -128, which has no positive counterpart; the rest keeps weights aligned
} ht_block;

// What tells one instruction set from another.
typedef struct ht_conv_form {
  int32_t pixels;                              // at a time; divides HT_DEEP_TILE
  size_t step;                                 // depth at a time
  size_t (*place)(size_t depth, size_t lane);  // of a weight within its block
  // sums[r * HT_VECTOR + o] of `pixels` patches that lie `pitch` apart, and of the channels of one or of two adjacent blocks. Of
  // the patches, `few` says that two at most count.
  void (*multiply_1)(const int8_t* patches, size_t pitch, size_t depth, const ht_block* block, bool few, int32_t* sums);
  void (*multiply_2)(const int8_t* patches, size_t pitch, size_t depth, const ht_block* block, const ht_block* next, bool few,
                     int32_t* sums);
} ht_conv_form;

static inline int32_t ht_group_inputs(const ht_conv_params* p) { return p->input_channels / p->groups; }
static inline int32_t ht_group_outputs(const ht_conv_params* p) { return p->output_channels / p->groups; }
static inline int32_t ht_group_blocks(const ht_conv_params* p) { return (ht_group_outputs(p) + HT_BLOCK - 1) / HT_BLOCK; }
static inline size_t ht_padded_depth(const ht_conv_params* p, const ht_conv_form* f) {
  return (ht_patch_depth(p) + f->step - 1) / f->step * f->step;
}
static inline size_t ht_block_bytes(size_t depth) { return sizeof(ht_block) + depth * HT_BLOCK; }
static inline const int8_t* ht_block_weights(const ht_block* block) { return (const int8_t*)(block + 1); }
static inline int32_t ht_tile_pixels(size_t depth) { return depth <= HT_DEEP ? HT_TILE : HT_DEEP_TILE; }

static inline size_t ht_tiles_packed(const ht_conv_params* p, const ht_conv_form* f) {
  return (size_t)(p->groups * ht_group_blocks(p)) * ht_block_bytes(ht_padded_depth(p, f));
}

// Sums of a tile, then its patches.
static inline size_t ht_tiles_scratch(const ht_conv_params* p, const ht_conv_form* f) {
  const size_t depth = ht_padded_depth(p, f);
  return HT_TILE * HT_VECTOR * sizeof(int32_t) + (size_t)ht_tile_pixels(depth) * depth;
}

// Zeros beyond the depth and beyond the last channel.
static inline void ht_tiles_pack(const ht_conv_params* p, const ht_conv_form* f, void* packed) {
  const size_t depth = ht_padded_depth(p, f), used = ht_patch_depth(p);
  const int32_t outputs = ht_group_outputs(p), count = ht_group_blocks(p);
  for (int32_t i = 0; i < p->groups * count; ++i) {
    ht_block* block = (ht_block*)((char*)packed + (size_t)i * ht_block_bytes(depth));
    int8_t* weights = (int8_t*)(block + 1);
    block->has_least[0] = 0;
    for (int32_t lane = 0; lane < HT_BLOCK; ++lane) {
      const int32_t within = i % count * HT_BLOCK + lane;
      const bool real = within < outputs;
      const size_t output = (size_t)(i / count * outputs + within);
      block->bias[lane] = real ? p->bias[output] : 0;
      for (size_t k = 0; k < depth; ++k) {
        const int8_t w = real && k < used ? p->weights[output * used + k] : 0;
        weights[f->place(k, (size_t)lane)] = w;
        if (w == INT8_MIN) block->has_least[0] = 1;
      }
    }
  }
}

// The inputs under a filter whose first tap is at (y, x), some of which may lie outside.
static inline void ht_gather_border(const ht_conv_params* p, const int8_t* image, int32_t y, int32_t x, int32_t first_channel,
                                    int8_t* patch) {
  const size_t channels = (size_t)ht_group_inputs(p);
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t iy = y + ky * p->dilation_height;
    for (int32_t kx = 0; kx < p->kernel_width; ++kx, patch += channels) {
      const int32_t ix = x + kx * p->dilation_width;
      const bool inside = iy >= 0 && iy < p->input_height && ix >= 0 && ix < p->input_width;
      const int8_t* from = inside ? image + ((ptrdiff_t)iy * p->input_width + ix) * p->input_stride : p->padding;
      ht_copy_bytes(from + first_channel, channels, patch);
    }
  }
}

// How filters inside of the input are copied: `rows` times `runs` runs of bytes, one where the taps of a row are adjacent.
typedef struct ht_runs {
  int32_t rows, runs;
  size_t bytes;
  ptrdiff_t row_step, run_step;
} ht_runs;

static inline ht_runs ht_find_runs(const ht_conv_params* p) {
  const bool adjacent = p->dilation_width == 1 && ht_group_inputs(p) == p->input_stride;
  const ht_runs runs = {p->kernel_height, adjacent ? 1 : p->kernel_width,
                        (size_t)(adjacent ? p->kernel_width * p->input_stride : ht_group_inputs(p)),
                        (ptrdiff_t)p->dilation_height * p->input_width * p->input_stride,
                        (ptrdiff_t)p->dilation_width * p->input_stride};
  return runs;
}

static inline void ht_gather_inside(ht_runs runs, const int8_t* from, int8_t* patch) {
  for (int32_t ky = 0; ky < runs.rows; ++ky, from += runs.row_step)
    for (int32_t i = 0; i < runs.runs; ++i, patch += runs.bytes) ht_copy_bytes(from + i * runs.run_step, runs.bytes, patch);
}

// Patches of `count` pixels from `pixel` on.
static inline void ht_gather_pixels(const ht_conv_params* p, const int8_t* input, int32_t pixel, int32_t count,
                                    int32_t first_channel, size_t pitch, int8_t* patches) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const ht_runs runs = ht_find_runs(p);
  int32_t row = pixel / p->output_width, ox = pixel % p->output_width;
  for (int32_t left = count; left > 0; ++row, ox = 0) {
    const int8_t* image = input + (size_t)(row / p->output_height) * image_size;
    const int32_t y = row % p->output_height * p->stride_height - p->pad_top;
    const bool rows_inside = y >= 0 && y + (p->kernel_height - 1) * p->dilation_height < p->input_height;
    const int32_t last = p->input_width - 1 - (p->kernel_width - 1) * p->dilation_width, step = p->stride_width;
    const int32_t end = p->output_width - ox < left ? p->output_width : ox + left;
    int32_t x = ox * step - p->pad_left;
    left -= end - ox;
    for (; ox < end; ++ox, x += step, patches += pitch) {
      if (rows_inside && x >= 0 && x <= last) {
        ht_gather_inside(runs, image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride + first_channel, patches);
      } else {
        ht_gather_border(p, image, y, x, first_channel, patches);
      }
    }
  }
}

// Whether the input's pixels are patches as they are.
static inline bool ht_reads_pixels(const ht_conv_params* p, size_t depth) {
  return p->kernel_height == 1 && p->kernel_width == 1 && p->stride_height == 1 && p->stride_width == 1 && p->pad_top == 0 &&
         p->pad_left == 0 && p->input_height == p->output_height && p->input_width == p->output_width &&
         depth == (size_t)ht_group_inputs(p);
}

static inline __attribute__((always_inline)) void ht_convolve_tile(const ht_conv_params* p, const ht_conv_form* f,
                                                                   const ht_finisher* finisher, int32_t group,
                                                                   const int8_t* patches, size_t pitch, int32_t valid,
                                                                   int32_t* sums, void* output, size_t at) {
  const size_t depth = ht_padded_depth(p, f), bytes = ht_block_bytes(depth);
  const int32_t outputs = ht_group_outputs(p);
  const char* packed = (const char*)p->packed + (size_t)group * (size_t)ht_group_blocks(p) * bytes;
  for (int32_t first = 0; first < outputs; first += HT_VECTOR, packed += 2 * bytes) {
    const int32_t channels = outputs - first < HT_VECTOR ? outputs - first : HT_VECTOR;
    const ht_block *block = (const ht_block*)packed, *next = (const ht_block*)(packed + bytes);
    for (int32_t r = 0; r < valid; r += f->pixels) {
      const int8_t* from = patches + (size_t)r * pitch;
      if (channels > HT_BLOCK) {
        f->multiply_2(from, pitch, depth, block, next, valid - r <= 2, sums + r * HT_VECTOR);
      } else {
        f->multiply_1(from, pitch, depth, block, valid - r <= 2, sums + r * HT_VECTOR);
      }
    }
    ht_finish_block(finisher, group * outputs + first, channels, valid, sums, output, at + (size_t)(group * outputs + first),
                    (size_t)p->output_stride);
  }
}

// A short tile multiplies what was there before too.
static inline __attribute__((always_inline)) void ht_tiles_run(const ht_conv_params* p, const ht_conv_form* f,
                                                               const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue);
  const int8_t* input = (const int8_t*)a->inputs[0];
  const size_t depth = ht_padded_depth(p, f);
  const int32_t tile = ht_tile_pixels(depth), last = end * p->output_width;
  int32_t* sums = (int32_t*)a->scratch;
  int8_t* patches = (int8_t*)(sums + HT_TILE * HT_VECTOR);
  __builtin_memset(patches, 0, (size_t)tile * depth);
  for (int32_t pixel = begin * p->output_width; pixel < last; pixel += tile) {
    const int32_t valid = last - pixel < tile ? last - pixel : tile;
    const size_t at = (size_t)pixel * (size_t)p->output_stride;
    for (int32_t group = 0; group < p->groups; ++group) {
      const int32_t channel = group * ht_group_inputs(p);
      if (valid == tile && ht_reads_pixels(p, depth)) {
        ht_convolve_tile(p, f, &finisher, group, input + (ptrdiff_t)pixel * p->input_stride + channel, (size_t)p->input_stride,
                         valid, sums, a->output, at);
      } else {
        ht_gather_pixels(p, input, pixel, valid, channel, depth, patches);
        ht_convolve_tile(p, f, &finisher, group, patches, depth, valid, sums, a->output, at);
      }
    }
  }
}

// A form's multiply_1 and multiply_2 by its own multiply(..., pair, flag, sums), which is inlined for each value of the two; `flag` is
// an expression of `block`, `next` and `few`.
#define HT_DEFINE_MULTIPLY(flag)                                                                                                  \
  static void multiply_1(const int8_t* patches, size_t pitch, size_t depth, const ht_block* block, bool few, int32_t* sums) {     \
    const ht_block* next = block;                                                                                                 \
    (void)few, (void)next;                                                                                                        \
    if (flag) {                                                                                                                   \
      multiply(patches, pitch, depth, block, block, false, true, sums);                                                           \
    } else {                                                                                                                      \
      multiply(patches, pitch, depth, block, block, false, false, sums);                                                          \
    }                                                                                                                             \
  }                                                                                                                               \
  static void multiply_2(const int8_t* patches, size_t pitch, size_t depth, const ht_block* block, const ht_block* next, bool few, \
                         int32_t* sums) {                                                                                         \
    (void)few;                                                                                                                    \
    if (flag) {                                                                                                                   \
      multiply(patches, pitch, depth, block, next, true, true, sums);                                                             \
    } else {                                                                                                                      \
      multiply(patches, pitch, depth, block, next, true, false, sums);                                                            \
    }                                                                                                                             \
  }

// The functions that ht_conv_arm.h declares, of a form.
#define HT_DEFINE_CONV(isa, form)                                                                      \
  size_t ht_conv_packed_##isa(const ht_conv_params* p) { return ht_tiles_packed(p, &form); }           \
  size_t ht_conv_packed_scratch_##isa(const ht_conv_params* p) { return ht_tiles_scratch(p, &form); }  \
  void ht_conv_pack_##isa(const ht_conv_params* p, void* packed) { ht_tiles_pack(p, &form, packed); }  \
  void ht_conv_run_##isa(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) { \
    ht_tiles_run(p, &form, a, begin, end);                                                             \
  }

#endif
