// SPDX-License-Identifier: Apache-2.0
// The walk over the output of a depthwise convolution with DSP instructions: four channels at a time, their weights widened once; a
// part of an output row at a time, the inputs under it widened column by column, so that neighbouring pixels share them.
#ifndef HT_DEPTHWISE_WALK_DSP_H
#define HT_DEPTHWISE_WALK_DSP_H

#include "kernels/cortex_m/ht_column_dsp.h"
#include "kernels/cortex_m/ht_depthwise_dsp.h"
#include "kernels/cortex_m/ht_packed_dsp.h"

enum { HT_PART_PIXELS = 32 };  // of an output row

static inline int32_t ht_depthwise_outputs(const ht_depthwise_params* p) { return p->input_channels * p->channel_multiplier; }
static inline int32_t ht_depthwise_quads(const ht_depthwise_params* p) { return (ht_depthwise_outputs(p) + 3) / 4; }
static inline size_t ht_column_words(const ht_depthwise_params* p) { return 2 * (size_t)p->kernel_height; }
static inline size_t ht_filter_words(const ht_depthwise_params* p) { return (size_t)p->kernel_width * ht_column_words(p); }

// From a pixel's columns to the next one's. Those of dilated filters are not shared.
static inline int32_t ht_column_step(const ht_depthwise_params* p) {
  return p->dilation_width == 1 && p->stride_width < p->kernel_width ? p->stride_width : p->kernel_width;
}
static inline int32_t ht_part_columns(const ht_depthwise_params* p, int32_t pixels) {
  return (pixels - 1) * ht_column_step(p) + p->kernel_width;
}

// Scratch: the weights of four channels, the columns of a part.
static inline size_t ht_depthwise_walk_scratch(const ht_depthwise_params* p) {
  const int32_t pixels = p->output_width < HT_PART_PIXELS ? p->output_width : HT_PART_PIXELS;
  return (ht_filter_words(p) + (size_t)ht_part_columns(p, pixels) * ht_column_words(p)) * sizeof(uint32_t);
}

// What stays the same for four channels.
typedef struct ht_quad {
  const ht_depthwise_params* params;
  int32_t first, count;  // channels of the output; fewer than four at the end
  bool adjacent;         // whether four bytes of the input are theirs
  const ht_layer_dsp* layer;
  const ht_channel_dsp* channels;
  const uint32_t* weights;
  uint32_t* columns;
} ht_quad;

static inline uint32_t ht_quad_word(const ht_quad* quad, const int8_t* pixel) {
  if (quad->adjacent) return ht_load_word(pixel + quad->first);
  uint32_t word = 0;
  for (int32_t i = 0; i < quad->count; ++i)
    word |= (uint32_t)(uint8_t)pixel[(quad->first + i) / quad->params->channel_multiplier] << (8 * i);
  return word;
}

static inline uint32_t* ht_widen_column(const ht_quad* quad, const int8_t* image, int32_t y, int32_t x, uint32_t* to) {
  const ht_depthwise_params* p = quad->params;
  const bool column_inside = x >= 0 && x < p->input_width;
  uint32_t upper = 0;
  for (int32_t row = 0; row < p->kernel_height; ++row, y += p->dilation_height) {
    const bool inside = column_inside && y >= 0 && y < p->input_height;
    const int8_t* pixel = inside ? image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride : p->padding;
    const uint32_t word = ht_quad_word(quad, pixel);
    if (row % 2 == 0) {
      upper = word;
    } else {
      ht_widen_two_rows(upper, word, to);
      to += 4;
    }
  }
  if (p->kernel_height % 2 == 0) return to;
  ht_widen_last_row(upper, to);
  return to + 2;
}

// Three rows of inputs, each with the bytes to its next column: 0 where it is the padding.
typedef struct ht_three_rows {
  const int8_t* row[3];
  ptrdiff_t step[3];
} ht_three_rows;

// From column x on, which is inside or, where `inside` says so, is not.
static inline ht_three_rows ht_find_three_rows(const ht_quad* quad, const int8_t* image, int32_t y, int32_t x, bool inside) {
  const ht_depthwise_params* p = quad->params;
  ht_three_rows rows;
  for (int32_t i = 0; i < 3; ++i, y += p->dilation_height) {
    const bool real = inside && y >= 0 && y < p->input_height;
    rows.row[i] = (real ? image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride : p->padding) + quad->first;
    rows.step[i] = real ? p->input_stride : 0;
  }
  return rows;
}

static inline uint32_t* ht_widen_three_rows(ht_three_rows rows, int32_t count, uint32_t* to) {
  const int8_t *row0 = rows.row[0], *row1 = rows.row[1], *row2 = rows.row[2];
  for (; count > 0; --count, row0 += rows.step[0], row1 += rows.step[1], row2 += rows.step[2], to += 6) {
    ht_widen_two_rows(ht_load_word(row0), ht_load_word(row1), to);
    ht_widen_last_row(ht_load_word(row2), to + 4);
  }
  return to;
}

// The columns [x, end) of a filter of three rows, four channels that are adjacent.
static inline void ht_widen_three_row_columns(const ht_quad* quad, const int8_t* image, int32_t y, int32_t x, int32_t end,
                                              uint32_t* to) {
  const int32_t width = quad->params->input_width;
  const int32_t inside = x > 0 ? x : 0, right = end < width ? end : width;
  if (x < 0) to = ht_widen_three_rows(ht_find_three_rows(quad, image, y, x, false), (end < 0 ? end : 0) - x, to);
  if (inside < right) to = ht_widen_three_rows(ht_find_three_rows(quad, image, y, inside, true), right - inside, to);
  if (end > width) ht_widen_three_rows(ht_find_three_rows(quad, image, y, x, false), end - (x > width ? x : width), to);
}

// The columns under `pixels` pixels from (oy, ox).
static inline void ht_widen_part(const ht_quad* quad, const int8_t* image, int32_t oy, int32_t ox, int32_t pixels) {
  const ht_depthwise_params* p = quad->params;
  const int32_t y = oy * p->stride_height - p->pad_top, x = ox * p->stride_width - p->pad_left;
  uint32_t* to = quad->columns;
  if (p->dilation_width == 1 && ht_column_step(p) == p->stride_width) {
    const int32_t end = x + ht_part_columns(p, pixels);
    if (quad->adjacent && p->kernel_height == 3) {
      ht_widen_three_row_columns(quad, image, y, x, end, to);
    } else {
      for (int32_t column = x; column < end; ++column) to = ht_widen_column(quad, image, y, column, to);
    }
    return;
  }
  for (int32_t pixel = 0; pixel < pixels; ++pixel)
    for (int32_t kx = 0; kx < p->kernel_width; ++kx)
      to = ht_widen_column(quad, image, y, x + pixel * p->stride_width + kx * p->dilation_width, to);
}

static inline void ht_widen_weights(const ht_depthwise_params* p, const int8_t* packed, uint32_t* to) {
  for (int32_t column = 0; column < p->kernel_width; ++column) {
    int32_t rows = p->kernel_height;
    for (; rows > 1; rows -= 2, packed += 8, to += 4) ht_widen_two_rows(ht_load_word(packed), ht_load_word(packed + 4), to);
    if (rows == 0) continue;
    ht_widen_last_row(ht_load_word(packed), to);
    packed += 4, to += 2;
  }
}

static inline void ht_quad_sums(const ht_quad* quad, int32_t pixel, int32_t sums[4]) {
  const ht_depthwise_params* p = quad->params;
  for (int32_t i = 0; i < 4; ++i) sums[i] = quad->channels[i].bias;
  ht_add_columns(quad->columns + (size_t)(pixel * ht_column_step(p)) * ht_column_words(p), quad->weights, p->kernel_height,
                 p->kernel_width, sums);
}

// Computes `pixels` pixels whose columns are there, into output[at], output[at + output_stride], ...
typedef void (*ht_quad_finish)(const ht_quad* quad, int32_t pixels, void* output, size_t at);

static inline void ht_depthwise_rows(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end,
                                     ht_quad_finish finish) {
  const size_t image_bytes = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const int32_t quads = ht_depthwise_quads(p), outputs = ht_depthwise_outputs(p);
  const ht_channel_dsp* channels = ht_channels_of(p->packed);
  const int8_t* weights = (const int8_t*)(channels + 4 * quads);
  uint32_t* widened = (uint32_t*)a->scratch;
  for (int32_t i = 0; i < quads; ++i, channels += 4, weights += 2 * ht_filter_words(p)) {
    const int32_t count = outputs - 4 * i < 4 ? outputs - 4 * i : 4;
    const ht_quad quad = {p,        4 * i,   count,  count == 4 && p->channel_multiplier == 1, ht_layer_of(p->packed),
                          channels, widened, widened + ht_filter_words(p)};
    ht_widen_weights(p, weights, widened);
    for (int32_t row = begin; row < end; ++row) {
      const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_bytes;
      for (int32_t ox = 0; ox < p->output_width; ox += HT_PART_PIXELS) {
        const int32_t pixels = p->output_width - ox < HT_PART_PIXELS ? p->output_width - ox : HT_PART_PIXELS;
        ht_widen_part(&quad, image, row % p->output_height, ox, pixels);
        finish(&quad, pixels, a->output, ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride + (size_t)quad.first);
      }
    }
  }
}

#endif
