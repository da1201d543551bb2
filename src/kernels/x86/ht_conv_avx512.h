// SPDX-License-Identifier: Apache-2.0
// What the convolutions by AVX-512 VNNI and by AMX share: blocks of sixteen output channels, and patches of bytes, each of
// which is combined with `flip` by exclusive or.
#ifndef HT_CONV_AVX512_H
#define HT_CONV_AVX512_H

#include <immintrin.h>
#include <string.h>

#include "kernels/c/ht_patch.h"
#include "kernels/x86/ht_finish_avx512.h"
#include "kernels/x86/ht_padded_row.h"

static inline int32_t ht_group_inputs(const ht_conv_params* p) { return p->input_channels / p->groups; }
static inline int32_t ht_group_outputs(const ht_conv_params* p) { return p->output_channels / p->groups; }
static inline int32_t ht_channel_blocks(const ht_conv_params* p) { return (ht_group_outputs(p) + HT_VECTOR - 1) / HT_VECTOR; }
static inline size_t ht_block_bytes(size_t depth) { return HT_VECTOR * sizeof(int32_t) + depth * HT_VECTOR; }

// For every group and block of sixteen output channels the biases, then [rows][depth / 4][16 channels][4] weights, zeros beyond those of
// each of the rows that the filter is split into. `offset` was added to the inputs, and the bias takes it back.
static inline void ht_pack_blocks(const ht_conv_params* p, int32_t rows, size_t depth, int32_t offset, char* packed) {
  const size_t used = ht_patch_depth(p) / (size_t)rows;
  const int32_t count = ht_channel_blocks(p);
  for (int32_t block = 0; block < p->groups * count; ++block, packed += ht_block_bytes((size_t)rows * depth)) {
    int32_t* bias = (int32_t*)packed;
    int8_t* weights = (int8_t*)(packed + HT_VECTOR * sizeof(int32_t));
    for (int32_t lane = 0; lane < HT_VECTOR; ++lane) {
      const int32_t within = block % count * HT_VECTOR + lane;
      const bool real = within < ht_group_outputs(p);
      const int32_t output = block / count * ht_group_outputs(p) + within;
      const int8_t* from = p->weights + (real ? (size_t)(output * rows) * used : 0);
      int8_t* to = weights + (size_t)lane * 4;
      int32_t sum = 0;
      for (int32_t row = 0; row < rows; ++row, from += real ? used : 0)
        for (size_t k = 0; k < depth; k += 4, to += 4 * HT_VECTOR) {
          int8_t four[4] = {0, 0, 0, 0};
          for (size_t i = 0; i < 4 && real && k + i < used; ++i) sum += four[i] = from[k + i];
          memcpy(to, four, sizeof(four));
        }
      bias[lane] = real ? p->bias[output] - offset * sum : 0;
    }
  }
}

// Whether a row of the filter reads bytes that are adjacent, and few enough for one vector.
static inline bool ht_has_short_rows(const ht_conv_params* p) {
  return p->dilation_width == 1 && ht_group_inputs(p) == p->input_stride && p->kernel_width * ht_group_inputs(p) <= 64;
}

// Patches of `count` pixels whose filters lie inside of the input, for short rows. Each row's vector is stored whole, and what it has
// too much is overwritten by the next one. Small vectors cross fewer borders of cache lines.
#define HT_GATHER_ROWS(mask_type, flips, load, exclusive_or, store)                       \
  do {                                                                                    \
    const mask_type mask = (mask_type)(~(__mmask64)0 >> (64 - row_bytes));                \
    for (int32_t i = 0; i < count; ++i, from += step, patches += pitch) {                 \
      const int8_t* row = from;                                                           \
      int8_t* to = patches;                                                               \
      for (int32_t ky = 0; ky < p->kernel_height; ++ky, row += row_step, to += row_bytes) \
        store((void*)to, exclusive_or(load(mask, row), flips));                           \
    }                                                                                     \
  } while (false)

static inline void ht_gather_inside(const ht_conv_params* p, const int8_t* image, int32_t y, int32_t x, int32_t count, size_t pitch,
                                    __m512i flip, int8_t* patches) {
  const int32_t row_bytes = p->kernel_width * p->input_stride;
  const ptrdiff_t row_step = (ptrdiff_t)p->dilation_height * p->input_width * p->input_stride;
  const ptrdiff_t step = (ptrdiff_t)p->stride_width * p->input_stride;
  const int8_t* from = image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride;
  if (row_bytes <= 16) {
    HT_GATHER_ROWS(__mmask16, _mm512_castsi512_si128(flip), _mm_maskz_loadu_epi8, _mm_xor_si128, _mm_storeu_si128);
  } else if (row_bytes <= 32) {
    HT_GATHER_ROWS(__mmask32, _mm512_castsi512_si256(flip), _mm256_maskz_loadu_epi8, _mm256_xor_si256, _mm256_storeu_si256);
  } else {
    HT_GATHER_ROWS(__mmask64, flip, _mm512_maskz_loadu_epi8, _mm512_xor_si512, _mm512_storeu_si512);
  }
}

// The inputs under the filter whose first tap is at (y, x).
static inline void ht_gather_flipped(const ht_conv_params* p, const int8_t* image, int32_t y, int32_t x, int32_t first_channel,
                                     __m512i flip, int8_t* patch) {
  const size_t channels = (size_t)ht_group_inputs(p);
  const int32_t row_bytes = p->kernel_width * ht_group_inputs(p);
  const bool adjacent =
      p->dilation_width == 1 && ht_group_inputs(p) == p->input_stride && x >= 0 && x + p->kernel_width <= p->input_width;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t iy = y + ky * p->dilation_height;
    const bool row_inside = iy >= 0 && iy < p->input_height;
    if (row_inside && adjacent) {
      ht_copy_flipped(image + ((ptrdiff_t)iy * p->input_width + x) * p->input_stride, (size_t)row_bytes, flip, patch);
      patch += row_bytes;
      continue;
    }
    for (int32_t kx = 0; kx < p->kernel_width; ++kx, patch += channels) {
      const int32_t ix = x + kx * p->dilation_width;
      const bool inside = row_inside && ix >= 0 && ix < p->input_width;
      const int8_t* from = inside ? image + ((ptrdiff_t)iy * p->input_width + ix) * p->input_stride : p->padding;
      ht_copy_flipped(from + first_channel, channels, flip, patch);
    }
  }
}

// Filters whose rows are adjacent pixels of the input, so that they can be read in rows that are padded as a whole.
enum { HT_FILTER_ROWS = 16 };  // at most
static inline bool ht_reads_padded_rows(const ht_conv_params* p) {
  return p->groups == 1 && p->dilation_width == 1 && p->kernel_height * p->kernel_width != 1 &&
         p->kernel_height <= HT_FILTER_ROWS;
}
static inline int32_t ht_filter_reach(const ht_conv_params* p) { return (p->kernel_height - 1) * p->dilation_height + 1; }
static inline int32_t ht_padded_columns(const ht_conv_params* p) {
  return (p->output_width - 1) * p->stride_width + p->kernel_width;
}

// Row y of the input, which may lie outside of it, with its padding.
static inline void ht_fill_padded_row(const ht_conv_params* p, const int8_t* image, int32_t y, __m512i flip, int8_t* to) {
  const bool inside = y >= 0 && y < p->input_height;
  const size_t channels = (size_t)p->input_channels;
  const int8_t* row = inside ? image + (ptrdiff_t)y * p->input_width * p->input_stride : image;
  ht_copy_padded_row(row, (size_t)p->input_stride, p->padding, channels, channels, p->pad_left, inside ? p->input_width : 0,
                     ht_padded_columns(p), flip, to);
}

// Whether the output's pixels read the input's, one each.
static inline bool ht_is_pointwise(const ht_conv_params* p) {
  return p->kernel_height == 1 && p->kernel_width == 1 && p->stride_height == 1 && p->stride_width == 1 && p->pad_top == 0 &&
         p->pad_left == 0 && p->input_height == p->output_height && p->input_width == p->output_width;
}

static inline void ht_copy_pixels(const ht_conv_params* p, const int8_t* from, int32_t count, size_t pitch, __m512i flip,
                                  int8_t* patches) {
  const size_t channels = (size_t)ht_group_inputs(p);
  if (pitch == channels && p->input_stride == ht_group_inputs(p)) {
    ht_copy_flipped(from, (size_t)count * pitch, flip, patches);
    return;
  }
  for (int32_t i = 0; i < count; ++i)
    ht_copy_flipped(from + (ptrdiff_t)i * p->input_stride, channels, flip, patches + (size_t)i * pitch);
}

// Patches of the pixels from `pixel` on, of which `valid` exist; a short tile keeps what was there.
static inline void ht_gather_pixels(const ht_conv_params* p, const int8_t* input, int32_t pixel, int32_t valid,
                                    int32_t first_channel, size_t pitch, __m512i flip, int8_t* patches) {
  if (ht_is_pointwise(p)) {
    ht_copy_pixels(p, input + (ptrdiff_t)pixel * p->input_stride + first_channel, valid, pitch, flip, patches);
    return;
  }
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const bool short_rows = ht_has_short_rows(p);
  int32_t row = pixel / p->output_width, ox = pixel % p->output_width;
  for (int32_t left = valid; left > 0; ++row, ox = 0) {
    const int8_t* image = input + (size_t)(row / p->output_height) * image_size;
    const int32_t y = row % p->output_height * p->stride_height - p->pad_top;
    const int32_t count = p->output_width - ox < left ? p->output_width - ox : left;
    const bool rows_inside = y >= 0 && y + (p->kernel_height - 1) * p->dilation_height < p->input_height;
    for (int32_t i = 0; i < count;) {
      const int32_t x = (ox + i) * p->stride_width - p->pad_left;
      const int32_t room = x >= 0 && short_rows && rows_inside ? p->input_width - p->kernel_width - x : -1;
      int32_t inside = room >= 0 ? room / p->stride_width + 1 : 0;
      if (inside > count - i) inside = count - i;
      if (inside) {
        ht_gather_inside(p, image, y, x, inside, pitch, flip, patches);
      } else {
        ht_gather_flipped(p, image, y, x, first_channel, flip, patches);
        inside = 1;
      }
      i += inside;
      patches += (size_t)inside * pitch;
    }
    left -= count;
  }
}

#endif
