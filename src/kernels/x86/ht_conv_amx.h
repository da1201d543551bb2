// SPDX-License-Identifier: Apache-2.0
// Tiles of 16 rows of 64 bytes: up to 16 pixels by up to 64 inputs, times inputs by 16 channels, are sums of 16 pixels by 16
// channels. Two segments of pixels by two blocks of channels are multiplied at once. Sums are finished when they have been stored
// and not while the next ones are computed: loads and stores of tiles take the ports that vectors need, so that nothing is won by
// turns.
#ifndef HT_CONV_AMX_H
#define HT_CONV_AMX_H

#include "kernels/x86/ht_conv_avx512.h"

enum { HT_SEGMENT = 16, HT_TILE_DEPTH = 64, HT_SEGMENT_SUMS = HT_SEGMENT * HT_VECTOR, HT_AMX_SUMS = 4 * HT_SEGMENT_SUMS };

// How a patch is read: in each of its `rows` the same number of steps, each of `depth` bytes, a multiple of four; pixels are
// `pitch` bytes apart.
typedef struct ht_tile_shape {
  int32_t rows, steps;
  size_t depth, pitch;
} ht_tile_shape;

// A patch whose rows have so many bytes.
static inline ht_tile_shape ht_split_rows(int32_t rows, size_t bytes, size_t pitch) {
  const size_t steps = (bytes + HT_TILE_DEPTH - 1) / HT_TILE_DEPTH;
  const ht_tile_shape s = {rows, (int32_t)steps, ((bytes + steps - 1) / steps + 3) / 4 * 4, pitch};
  return s;
}

static inline size_t ht_row_depth(const ht_tile_shape* s) { return (size_t)s->steps * s->depth; }

// A step of products takes as long however few bytes a pixel has in it; up to sixteen, VNNI is faster on Sapphire Rapids.
static inline bool ht_fills_tiles(const ht_tile_shape* s) { return s->depth > 16; }

// Adjacent pixels of the output: where the rows of the first one's patch begin, how many pixels there are, and where the first
// one is. Sixteen are read, whatever `valid` is.
typedef struct ht_segment {
  const int8_t* const* rows;
  int32_t valid;
  size_t at;
} ht_segment;

// What one run of a kernel works with.
typedef struct ht_tiles {
  const ht_conv_params* params;
  ht_tile_shape shape;
  ht_finisher finisher;
  void* output;
  int32_t* sums;  // HT_AMX_SUMS, block by block, segment by segment
} ht_tiles;

typedef struct ht_tile_configuration {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} ht_tile_configuration;

// The compiler does not know what memory the instructions on tiles read and write.
static inline void ht_settle(const void* memory) { __asm__ volatile("" ::"r"(memory) : "memory"); }

// Tiles 0 to 3 are sums, 4 and 5 pixels, 6 and 7 weights.
static inline ht_tiles ht_begin_tiles(const ht_conv_params* p, ht_tile_shape shape, void* output, int32_t* sums) {
  ht_tile_configuration c = {.palette = 1};
  for (int32_t i = 0; i < 8; ++i) {
    c.row_bytes[i] = i == 4 || i == 5 ? (uint16_t)shape.depth : HT_VECTOR * sizeof(int32_t);
    c.rows[i] = i < 6 ? HT_SEGMENT : (uint8_t)(shape.depth / 4);
  }
  ht_settle(&c);
  _tile_loadconfig(&c);
  const ht_tiles t = {p, shape, ht_prepare_finish(&p->epilogue, p->output_channels, p->bias, ht_patch_depth(p)), output, sums};
  return t;
}

// `segments` and `blocks`, one or two, are constants where this is inlined; `bytes` lie between the blocks' weights.
static inline __attribute__((always_inline)) void ht_multiply_tiles(const ht_tiles* t, const ht_segment* s, int32_t segments,
                                                                    const char* block, size_t bytes, int32_t blocks) {
  enum { kRow = HT_VECTOR * sizeof(int32_t) };
  const size_t depth = t->shape.depth, pitch = t->shape.pitch;
  const int32_t rows = t->shape.rows, steps = t->shape.steps;
  const char* w = block + kRow;
  ht_settle(s);
  _tile_loadd(0, block, 0);
  if (segments == 2) _tile_loadd(1, block, 0);
  if (blocks == 2) _tile_loadd(2, block + bytes, 0);
  if (segments == 2 && blocks == 2) _tile_loadd(3, block + bytes, 0);
  for (int32_t i = 0; i < rows; ++i) {
    const int8_t *x = s[0].rows[i], *y = s[segments - 1].rows[i];
    for (int32_t k = 0; k < steps; ++k, x += depth, y += depth, w += depth * HT_VECTOR) {
      _tile_loadd(6, w, kRow);
      _tile_loadd(4, x, pitch);
      _tile_dpbssd(0, 4, 6);
      if (segments == 2) {
        _tile_loadd(5, y, pitch);
        _tile_dpbssd(1, 5, 6);
      }
      if (blocks == 2) {
        _tile_loadd(7, w + bytes, kRow);
        _tile_dpbssd(2, 4, 7);
        if (segments == 2) _tile_dpbssd(3, 5, 7);
      }
    }
  }
  _tile_stored(0, t->sums, kRow);
  if (segments == 2) _tile_stored(1, t->sums + HT_SEGMENT_SUMS, kRow);
  if (blocks == 2) _tile_stored(2, t->sums + 2 * HT_SEGMENT_SUMS, kRow);
  if (segments == 2 && blocks == 2) _tile_stored(3, t->sums + 3 * HT_SEGMENT_SUMS, kRow);
  ht_settle(t->sums);
}

static void ht_multiply_1_1(const ht_tiles* t, const ht_segment* s, const char* block, size_t bytes) {
  ht_multiply_tiles(t, s, 1, block, bytes, 1);
}
static void ht_multiply_1_2(const ht_tiles* t, const ht_segment* s, const char* block, size_t bytes) {
  ht_multiply_tiles(t, s, 1, block, bytes, 2);
}
static void ht_multiply_2_1(const ht_tiles* t, const ht_segment* s, const char* block, size_t bytes) {
  ht_multiply_tiles(t, s, 2, block, bytes, 1);
}
static void ht_multiply_2_2(const ht_tiles* t, const ht_segment* s, const char* block, size_t bytes) {
  ht_multiply_tiles(t, s, 2, block, bytes, 2);
}

// Sums of one block; segments that follow each other are finished at once.
static inline void ht_finish_segments(const ht_tiles* t, const ht_segment* s, int32_t segments, int32_t first, int32_t channels,
                                      int32_t* sums) {
  const size_t stride = (size_t)t->params->output_stride;
  if (segments == 2 && s[1].at == s[0].at + HT_SEGMENT * stride) {
    ht_finish_block(&t->finisher, first, channels, HT_SEGMENT + s[1].valid, sums, t->output, s[0].at + (size_t)first, stride);
    return;
  }
  for (int32_t i = 0; i < segments; ++i, sums += HT_SEGMENT_SUMS)
    ht_finish_block(&t->finisher, first, channels, s[i].valid, sums, t->output, s[i].at + (size_t)first, stride);
}

// The blocks [begin, end) of a group's output channels, of one or two segments; `begin` is even.
static inline void ht_convolve_segments(const ht_tiles* t, int32_t group, int32_t begin, int32_t end, const ht_segment* s,
                                        int32_t segments) {
  const ht_conv_params* p = t->params;
  const size_t bytes = ht_block_bytes((size_t)t->shape.rows * ht_row_depth(&t->shape));
  const int32_t outputs = ht_group_outputs(p);
  const char* weights = (const char*)p->packed + (size_t)(group * ht_channel_blocks(p) + begin) * bytes;
  for (int32_t block = begin; block < end; block += 2, weights += 2 * bytes) {
    const int32_t blocks = end - block < 2 ? 1 : 2;
    if (segments == 2) {
      (blocks == 2 ? ht_multiply_2_2 : ht_multiply_2_1)(t, s, weights, bytes);
    } else {
      (blocks == 2 ? ht_multiply_1_2 : ht_multiply_1_1)(t, s, weights, bytes);
    }
    for (int32_t i = 0; i < blocks; ++i) {
      const int32_t first = (block + i) * HT_VECTOR, left = outputs - first;
      ht_finish_segments(t, s, segments, group * outputs + first, left < HT_VECTOR ? left : HT_VECTOR,
                         t->sums + i * 2 * HT_SEGMENT_SUMS);
    }
  }
}

#endif
