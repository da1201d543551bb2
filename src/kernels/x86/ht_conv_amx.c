// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "kernels/x86/ht_conv_avx512.h"
#include "kernels/x86/ht_conv_x86.h"

// A tile is 16 rows of 64 bytes: 16 pixels by up to 64 inputs, times inputs by 16 channels, gives 16 pixels by 16 channels.
// The depth is split evenly into steps of one tile, and the weights are packed for steps one after another.
enum { kTilePixels = 16, kPixels = 2 * kTilePixels, kTileDepth = 64, kSums = kPixels * HT_VECTOR };

static size_t steps(const ht_conv_params* p) { return (ht_patch_depth(p) + kTileDepth - 1) / kTileDepth; }
static size_t step_depth(const ht_conv_params* p) { return ((ht_patch_depth(p) + steps(p) - 1) / steps(p) + 3) / 4 * 4; }
static size_t padded_depth(const ht_conv_params* p) { return steps(p) * step_depth(p); }

size_t ht_conv_packed_amx(const ht_conv_params* p) {
  return (size_t)(p->groups * ht_channel_blocks(p)) * ht_block_bytes(padded_depth(p));
}

size_t ht_conv_packed_scratch_amx(const ht_conv_params* p) {
  return 2 * kSums * sizeof(int32_t) + (size_t)kPixels * padded_depth(p) + kTileDepth;
}

void ht_conv_pack_amx(const ht_conv_params* p, void* packed) { ht_pack_blocks(p, 1, padded_depth(p), 0, (char*)packed); }

typedef struct tile_configuration {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} tile_configuration;

// The compiler does not know what memory the instructions on tiles read and write.
static inline void settle(const void* memory) { __asm__ volatile("" ::"r"(memory) : "memory"); }

// Tiles 0 to 3 are sums, 4 and 5 pixels, 6 and 7 weights.
static void configure_tiles(const ht_conv_params* p) {
  tile_configuration c = {.palette = 1};
  const size_t depth = step_depth(p);
  for (int32_t i = 0; i < 8; ++i) {
    c.row_bytes[i] = i == 4 || i == 5 ? (uint16_t)depth : HT_VECTOR * sizeof(int32_t);
    c.rows[i] = i < 6 ? kTilePixels : (uint8_t)(depth / 4);
  }
  settle(&c);
  _tile_loadconfig(&c);
}

// Thirty-two pixels, `pitch` bytes apart, by two adjacent blocks or by one; the second block's sums follow the first's.
static void multiply_2(const int8_t* pixels, size_t pitch, const char* block, size_t bytes, size_t depth, size_t count,
                       int32_t* sums) {
  enum { kRow = HT_VECTOR * sizeof(int32_t) };
  const char *w0 = block + kRow, *w1 = w0 + bytes;
  settle(pixels);
  _tile_loadd(0, block, 0);
  _tile_loadd(1, block, 0);
  _tile_loadd(2, block + bytes, 0);
  _tile_loadd(3, block + bytes, 0);
  for (size_t i = 0; i < count; ++i, pixels += depth, w0 += depth * HT_VECTOR, w1 += depth * HT_VECTOR) {
    _tile_loadd(6, w0, kRow);
    _tile_loadd(4, pixels, pitch);
    _tile_dpbssd(0, 4, 6);
    _tile_loadd(5, pixels + kTilePixels * pitch, pitch);
    _tile_dpbssd(1, 5, 6);
    _tile_loadd(7, w1, kRow);
    _tile_dpbssd(2, 4, 7);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_stored(0, sums, kRow);
  _tile_stored(1, sums + kTilePixels * HT_VECTOR, kRow);
  _tile_stored(2, sums + kSums, kRow);
  _tile_stored(3, sums + kSums + kTilePixels * HT_VECTOR, kRow);
  settle(sums);
}

static void multiply_1(const int8_t* pixels, size_t pitch, const char* block, size_t depth, size_t count, int32_t* sums) {
  enum { kRow = HT_VECTOR * sizeof(int32_t) };
  const char* w = block + kRow;
  settle(pixels);
  _tile_loadd(0, block, 0);
  _tile_loadd(1, block, 0);
  for (size_t i = 0; i < count; ++i, pixels += depth, w += depth * HT_VECTOR) {
    _tile_loadd(6, w, kRow);
    _tile_loadd(4, pixels, pitch);
    _tile_dpbssd(0, 4, 6);
    _tile_loadd(5, pixels + kTilePixels * pitch, pitch);
    _tile_dpbssd(1, 5, 6);
  }
  _tile_stored(0, sums, kRow);
  _tile_stored(1, sums + kTilePixels * HT_VECTOR, kRow);
  settle(sums);
}

static void convolve_tile(const ht_conv_params* p, const ht_finisher* f, int32_t group, const int8_t* pixels, size_t pitch,
                          int32_t valid, int32_t* sums, void* output, size_t at) {
  const size_t bytes = ht_block_bytes(padded_depth(p)), depth = step_depth(p), count = steps(p);
  const int32_t outputs = ht_group_outputs(p);
  const char* packed = (const char*)p->packed + (size_t)group * (size_t)ht_channel_blocks(p) * bytes;
  for (int32_t block = 0; block < ht_channel_blocks(p);) {
    const int32_t pair = block + 2 <= ht_channel_blocks(p) ? 2 : 1;
    if (pair == 2) {
      multiply_2(pixels, pitch, packed + (size_t)block * bytes, bytes, depth, count, sums);
    } else {
      multiply_1(pixels, pitch, packed + (size_t)block * bytes, depth, count, sums);
    }
    for (int32_t i = 0; i < pair; ++i, ++block) {
      const int32_t first = block * HT_VECTOR;
      const int32_t channels = outputs - first < HT_VECTOR ? outputs - first : HT_VECTOR;
      ht_finish_block(f, group * outputs + first, channels, valid, sums + i * kSums, output,
                      at + (size_t)(group * outputs + first), (size_t)p->output_stride);
    }
  }
}

// Whether tiles can be loaded from the input itself: a tile's row ends where the pixel's channels do.
static bool reads_input(const ht_conv_params* p) { return ht_is_pointwise(p) && padded_depth(p) == ht_patch_depth(p); }

// The output's pixels in memory's order, whatever row they are in.
void ht_conv_run_amx(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue, p->output_channels);
  const size_t pitch = padded_depth(p);
  const bool direct = reads_input(p);
  int32_t* sums = (int32_t*)a->scratch;
  int8_t* patches = (int8_t*)(sums + 2 * kSums);
  memset(patches, 0, (size_t)kPixels * pitch);  // beyond a patch's depth any bytes do, the weights there being 0
  configure_tiles(p);
  const int32_t last = end * p->output_width;
  for (int32_t pixel = begin * p->output_width; pixel < last; pixel += kPixels) {
    const int32_t valid = last - pixel < kPixels ? last - pixel : kPixels;
    const size_t at = (size_t)pixel * (size_t)p->output_stride;
    for (int32_t group = 0; group < p->groups; ++group) {
      if (direct && valid == kPixels) {
        const int8_t* from = (const int8_t*)a->inputs[0] + (size_t)pixel * (size_t)p->input_stride + group * ht_group_inputs(p);
        convolve_tile(p, &finisher, group, from, (size_t)p->input_stride, valid, sums, a->output, at);
        continue;
      }
      ht_gather_pixels(p, (const int8_t*)a->inputs[0], pixel, valid, group * ht_group_inputs(p), pitch, _mm512_setzero_si512(),
                       patches);
      convolve_tile(p, &finisher, group, patches, pitch, valid, sums, a->output, at);
    }
  }
  _tile_release();
}
