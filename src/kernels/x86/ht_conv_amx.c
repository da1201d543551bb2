// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "kernels/x86/ht_conv_x86.h"
#include "kernels/x86/ht_finish_avx512.h"

// A tile is 16 rows of 64 bytes: 16 pixels by up to 64 inputs, times inputs by 16 channels, gives 16 pixels by 16 channels.
// The depth is split evenly into steps of one tile. Packed: for every group and block of 16 output channels the 16 biases,
// then [step][step depth / 4][16 channels][4] weights, zeros beyond.
enum { kTilePixels = 16, kPixels = 2 * kTilePixels, kTileDepth = 64, kSums = kPixels * HT_VECTOR };

static int32_t group_inputs(const ht_conv_params* p) { return p->input_channels / p->groups; }
static int32_t group_outputs(const ht_conv_params* p) { return p->output_channels / p->groups; }
static int32_t blocks(const ht_conv_params* p) { return (group_outputs(p) + HT_VECTOR - 1) / HT_VECTOR; }
static size_t depth_of(const ht_conv_params* p) {
  return (size_t)p->kernel_height * (size_t)p->kernel_width * (size_t)group_inputs(p);
}
static size_t steps(const ht_conv_params* p) { return (depth_of(p) + kTileDepth - 1) / kTileDepth; }
static size_t step_depth(const ht_conv_params* p) { return ((depth_of(p) + steps(p) - 1) / steps(p) + 3) / 4 * 4; }
static size_t padded_depth(const ht_conv_params* p) { return steps(p) * step_depth(p); }
static size_t block_bytes(const ht_conv_params* p) { return HT_VECTOR * sizeof(int32_t) + padded_depth(p) * HT_VECTOR; }

size_t ht_conv_packed_amx(const ht_conv_params* p) { return (size_t)p->groups * (size_t)blocks(p) * block_bytes(p); }

size_t ht_conv_packed_scratch_amx(const ht_conv_params* p) {
  return 2 * kSums * sizeof(int32_t) + (size_t)kPixels * padded_depth(p) + kTileDepth;
}

void ht_conv_pack_amx(const ht_conv_params* p, void* packed) {
  const size_t depth = depth_of(p);
  for (int32_t block = 0; block < p->groups * blocks(p); ++block) {
    char* base = (char*)packed + (size_t)block * block_bytes(p);
    int32_t* bias = (int32_t*)base;
    int8_t* weights = (int8_t*)(base + HT_VECTOR * sizeof(int32_t));
    for (int32_t lane = 0; lane < HT_VECTOR; ++lane) {
      const int32_t within = block % blocks(p) * HT_VECTOR + lane;
      const bool real = within < group_outputs(p);
      const int32_t output = block / blocks(p) * group_outputs(p) + within;
      for (size_t k = 0; k < padded_depth(p); ++k)
        weights[(k / 4 * HT_VECTOR + (size_t)lane) * 4 + k % 4] = real && k < depth ? p->weights[(size_t)output * depth + k] : 0;
      bias[lane] = real ? p->bias[output] : 0;
    }
  }
}

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

static inline void copy_bytes(const int8_t* from, size_t count, int8_t* to) {
  size_t i = 0;
  for (; i + 64 <= count; i += 64) _mm512_storeu_si512(to + i, _mm512_loadu_si512(from + i));
  if (i < count) {
    const __mmask64 mask = ~(__mmask64)0 >> (64 - (count - i));
    _mm512_mask_storeu_epi8(to + i, mask, _mm512_maskz_loadu_epi8(mask, from + i));
  }
}

// The inputs under the filter whose first tap is at (y, x). What follows them in `patch`, up to 64 bytes, is overwritten.
static void gather_patch(const ht_conv_params* p, const int8_t* image, int32_t y, int32_t x, int32_t first_channel, int8_t* patch) {
  const size_t channels = (size_t)group_inputs(p);
  const int32_t row_bytes = p->kernel_width * group_inputs(p);
  const bool adjacent = p->dilation_width == 1 && group_inputs(p) == p->input_stride && x >= 0 && x + p->kernel_width <= p->input_width;
  if (adjacent && row_bytes <= 64 && y >= 0 && y + (p->kernel_height - 1) * p->dilation_height < p->input_height) {
    const __mmask64 mask = ~(__mmask64)0 >> (64 - row_bytes);
    const ptrdiff_t step = (ptrdiff_t)p->dilation_height * p->input_width * p->input_stride;
    const int8_t* from = image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride;
    for (int32_t ky = 0; ky < p->kernel_height; ++ky, from += step, patch += row_bytes)
      _mm512_storeu_si512(patch, _mm512_maskz_loadu_epi8(mask, from));
    return;
  }
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t iy = y + ky * p->dilation_height;
    const bool row_inside = iy >= 0 && iy < p->input_height;
    if (row_inside && adjacent) {
      copy_bytes(image + ((ptrdiff_t)iy * p->input_width + x) * p->input_stride, (size_t)row_bytes, patch);
      patch += row_bytes;
      continue;
    }
    for (int32_t kx = 0; kx < p->kernel_width; ++kx, patch += channels) {
      const int32_t ix = x + kx * p->dilation_width;
      const bool inside = row_inside && ix >= 0 && ix < p->input_width;
      const int8_t* from = inside ? image + ((ptrdiff_t)iy * p->input_width + ix) * p->input_stride : p->padding;
      copy_bytes(from + first_channel, channels, patch);
    }
  }
}

// Patches of the pixels from `pixel` on, of which `valid` exist; a short tile keeps what was there.
static void gather_pixels(const ht_conv_params* p, const int8_t* input, int32_t pixel, int32_t valid, int32_t first_channel,
                          size_t pitch, int8_t* patches) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  int32_t row = pixel / p->output_width, ox = pixel % p->output_width;
  for (int32_t left = valid; left > 0; ++row, ox = 0) {
    const int8_t* image = input + (size_t)(row / p->output_height) * image_size;
    const int32_t y = row % p->output_height * p->stride_height - p->pad_top;
    const int32_t count = p->output_width - ox < left ? p->output_width - ox : left;
    for (int32_t i = 0; i < count; ++i, patches += pitch)
      gather_patch(p, image, y, (ox + i) * p->stride_width - p->pad_left, first_channel, patches);
    left -= count;
  }
}

// Thirty-two pixels, `pitch` bytes apart, by two adjacent blocks or by one; the second block's sums follow the first's.
static void multiply_2(const int8_t* pixels, size_t pitch, const char* block, size_t bytes, size_t depth, size_t count, int32_t* sums) {
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
  const size_t bytes = block_bytes(p), depth = step_depth(p), count = steps(p);
  const int32_t outputs = group_outputs(p);
  const char* packed = (const char*)p->packed + (size_t)group * (size_t)blocks(p) * bytes;
  for (int32_t block = 0; block < blocks(p);) {
    const int32_t pair = block + 2 <= blocks(p) ? 2 : 1;
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

// Whether tiles can be loaded from the input itself: pixels of the output are those of the input, and a tile's row ends
// where the pixel's channels do.
static bool reads_input(const ht_conv_params* p) {
  return p->kernel_height == 1 && p->kernel_width == 1 && p->stride_height == 1 && p->stride_width == 1 && p->pad_top == 0 &&
         p->pad_left == 0 && p->input_height == p->output_height && p->input_width == p->output_width &&
         padded_depth(p) == depth_of(p);
}

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
        const int8_t* from = (const int8_t*)a->inputs[0] + (size_t)pixel * (size_t)p->input_stride + group * group_inputs(p);
        convolve_tile(p, &finisher, group, from, (size_t)p->input_stride, valid, sums, a->output, at);
        continue;
      }
      gather_pixels(p, (const int8_t*)a->inputs[0], pixel, valid, group * group_inputs(p), pitch, patches);
      convolve_tile(p, &finisher, group, patches, pitch, valid, sums, a->output, at);
    }
  }
  _tile_release();
}
