// SPDX-License-Identifier: Apache-2.0
// The walk over the output of a depthwise convolution with DSP instructions: four channels at a time, their weights widened once; a
// part of an output row at a time, the inputs under it widened column by column, so that neighbouring pixels share them. Whoever
// includes this says by HT_DEPTHWISE_SUMS (0 or 1) whether an epilogue follows that needs sums and, where none does, by HT_OWN (0 or 1)
// whether channels have zero points of their own.
#ifndef HT_DEPTHWISE_WALK_DSP_H
#define HT_DEPTHWISE_WALK_DSP_H

#include "kernels/cortex_m/ht_column_dsp.h"
#include "kernels/cortex_m/ht_depthwise_dsp.h"
#include "kernels/cortex_m/ht_packed_dsp.h"
#include "kernels/cortex_m/ht_short_channels_dsp.h"

#if HT_DEPTHWISE_SUMS
typedef ht_sum_quad_dsp ht_quad_channels;
#elif HT_OWN
typedef ht_own_quad_dsp ht_quad_channels;
#else
typedef ht_quad_dsp ht_quad_channels;
#endif

// A bundle's ht_config.h says so where all filters have three rows and columns, are not dilated and go on by one or two, and channels come by fours.
#ifndef HT_PLAIN_DEPTHWISE
#define HT_PLAIN_DEPTHWISE 0
#endif
#define HT_ONLY_PLAIN (HT_DSP && HT_PLAIN_DEPTHWISE && !HT_DEPTHWISE_SUMS)

// Pixels of an output row at a time.
enum { HT_PART_PIXELS = 32 };

static inline int32_t ht_depthwise_outputs(const ht_depthwise_params* p) { return p->input_channels * p->channel_multiplier; }
static inline int32_t ht_depthwise_quads(const ht_depthwise_params* p) { return (ht_depthwise_outputs(p) + 3) / 4; }
static inline size_t ht_column_words(const ht_depthwise_params* p) { return 2 * (size_t)p->kernel_height; }
static inline size_t ht_filter_words(const ht_depthwise_params* p) { return (size_t)p->kernel_width * ht_column_words(p); }

static inline int32_t ht_part_pixels(int32_t left) { return left < HT_PART_PIXELS ? left : (int32_t)HT_PART_PIXELS; }

// From a pixel's columns to the next one's. Those of dilated filters are not shared.
static inline int32_t ht_column_step(const ht_depthwise_params* p) {
  return p->dilation_width == 1 && p->stride_width < p->kernel_width ? p->stride_width : p->kernel_width;
}
static inline int32_t ht_part_columns(const ht_depthwise_params* p, int32_t pixels) {
  return (pixels - 1) * ht_column_step(p) + p->kernel_width;
}

// Scratch: the weights of four channels, a column outside, the columns of a part; then room for all channels, where they are short.
static inline size_t ht_depthwise_walk_scratch(const ht_depthwise_params* p) {
  const size_t columns = 1 + (size_t)ht_part_columns(p, ht_part_pixels(p->output_width));
  return (ht_filter_words(p) + columns * ht_column_words(p)) * sizeof(uint32_t);
}
static inline void* ht_quad_room(const ht_depthwise_params* p, const ht_arguments* a) { return (char*)a->scratch + ht_depthwise_walk_scratch(p); }
static inline size_t ht_depthwise_room(const ht_depthwise_params* p) {
  const size_t room = HT_DEPTHWISE_SUMS ? 0 : (size_t)ht_depthwise_quads(p) * sizeof(ht_quad_channels);
  return ht_depthwise_walk_scratch(p) + room;
}

// What stays the same for four channels.
typedef struct ht_quad {
  const ht_depthwise_params* params;
  int32_t first, count;  // channels of the output; fewer than four at the end
  bool adjacent;         // whether four bytes of the input are theirs
  int32_t lift, rounding;  // the layer's; 2 * zero point + 1 where the layer has one
  const int8_t* padding;   // their inputs outside
  const ht_quad_channels* channels;
  const uint32_t* weights;
  uint32_t* outside;  // a column that lies outside
  uint32_t* columns;
} ht_quad;

static inline uint32_t ht_quad_word(const ht_quad* quad, const int8_t* pixel) {
  if (HT_ONLY_PLAIN || quad->adjacent) return ht_load_word(pixel + quad->first);
  uint32_t word = 0;
  for (int32_t i = 0; i < quad->count; ++i)
    word |= (uint32_t)(uint8_t)pixel[(quad->first + i) / quad->params->channel_multiplier] << (8 * i);
  return word;
}

HT_ALONE uint32_t* ht_widen_column(const ht_quad* quad, const int8_t* image, int32_t y, int32_t x, uint32_t* to) {
  const ht_depthwise_params* p = quad->params;
  const bool column_inside = x >= 0 && x < p->input_width;
  uint32_t upper = 0;
  for (int32_t row = 0; row < p->kernel_height; ++row, y += p->dilation_height) {
    const bool inside = column_inside && y >= 0 && y < p->input_height;
    const uint32_t word =
        inside ? ht_quad_word(quad, image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride) : ht_load_word(quad->padding);
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

// A column that lies outside.
static inline void ht_widen_outside(const ht_quad* quad, uint32_t* to) {
  const uint32_t word = ht_load_word(quad->padding);
  int32_t rows = quad->params->kernel_height;
  for (; rows > 1; rows -= 2, to += 4) ht_widen_two_rows(word, word, to);
  if (rows > 0) ht_widen_last_row(word, to);
}

// `count` columns that lie outside.
static inline uint32_t* ht_repeat_outside(const ht_quad* quad, int32_t count, uint32_t* to) {
  for (; count > 0; --count)
    for (size_t i = 0; i < ht_column_words(quad->params); ++i) *to++ = quad->outside[i];
  return to;
}

// Columns of three rows. A function of its own, so that its loop has all registers.
HT_ALONE uint32_t* ht_widen_inside(const int8_t* const row[3], const ptrdiff_t step[3], int32_t columns, uint32_t* to) {
  const int8_t *row0 = row[0], *row1 = row[1], *row2 = row[2];
  const ptrdiff_t step0 = step[0], step1 = step[1], step2 = step[2];
  for (const uint32_t* end = to + 6 * columns; to != end; row0 += step0, row1 += step1, row2 += step2, to += 6) {
    ht_widen_two_rows(ht_load_word(row0), ht_load_word(row1), to);
    ht_widen_last_row(ht_load_word(row2), to + 4);
  }
  return to;
}

// The columns [x, end) of a filter of three rows, four channels that are adjacent. A row outside does not go on from its padding.
static inline void ht_widen_three_rows(const ht_quad* quad, const int8_t* image, int32_t y, int32_t x, int32_t end, uint32_t* to) {
  const ht_depthwise_params* p = quad->params;
  const int32_t inside = x > 0 ? x : 0, right = end < p->input_width ? end : p->input_width;
  if (inside >= right) {
    ht_repeat_outside(quad, end - x, to);
    return;
  }
  const int8_t* row[3];
  ptrdiff_t step[3];
  for (int32_t i = 0; i < 3; ++i, y += p->dilation_height) {
    const bool real = y >= 0 && y < p->input_height;
    row[i] = real ? image + ((ptrdiff_t)y * p->input_width + inside) * p->input_stride + quad->first : quad->padding;
    step[i] = real ? p->input_stride : 0;
  }
  to = ht_repeat_outside(quad, inside - x, to);
  ht_repeat_outside(quad, end - right, ht_widen_inside(row, step, right - inside, to));
}

// The columns under `pixels` pixels from (oy, ox).
static inline void ht_widen_part(const ht_quad* quad, const int8_t* image, int32_t oy, int32_t ox, int32_t pixels) {
  const ht_depthwise_params* p = quad->params;
  const int32_t y = oy * p->stride_height - p->pad_top, x = ox * p->stride_width - p->pad_left;
  uint32_t* to = quad->columns;
  if (HT_ONLY_PLAIN || (p->dilation_width == 1 && ht_column_step(p) == p->stride_width)) {
    const int32_t end = x + ht_part_columns(p, pixels);
    if (HT_ONLY_PLAIN || (quad->adjacent && p->kernel_height == 3)) {
      ht_widen_three_rows(quad, image, y, x, end, to);
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
  for (int32_t i = 0; i < 4; ++i) sums[i] = quad->channels->bias[ht_quad_place(i)];
  ht_add_columns(quad->columns + (size_t)(pixel * ht_column_step(p)) * ht_column_words(p), quad->weights, p->kernel_height,
                 p->kernel_width, sums);
}

// Computes `pixels` pixels whose columns are there, into output[at], output[at + output_stride], ...
typedef void (*ht_quad_finish)(const ht_quad* quad, int32_t pixels, void* output, size_t at);

static inline void ht_quad_rows(const ht_quad* quad, const ht_arguments* a, int32_t begin, int32_t end, ht_quad_finish finish) {
  const ht_depthwise_params* p = quad->params;
  const size_t image_bytes = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(begin / p->output_height) * image_bytes;
  int32_t oy = begin % p->output_height;
  size_t at = (size_t)begin * (size_t)p->output_width * (size_t)p->output_stride + (size_t)quad->first;
  for (int32_t row = begin; row < end; ++row) {
    for (int32_t ox = 0; ox < p->output_width; ox += HT_PART_PIXELS) {
      const int32_t pixels = ht_part_pixels(p->output_width - ox);
      ht_widen_part(quad, image, oy, ox, pixels);
      finish(quad, pixels, a->output, at);
      at += (size_t)pixels * (size_t)p->output_stride;
    }
    if (++oy < p->output_height) continue;
    oy = 0;
    image += image_bytes;
  }
}

#if !HT_DEPTHWISE_SUMS
// Where channels are short, makes what is read of them.
HT_ALONE void ht_expand_quads(const ht_depthwise_params* p, void* room) {
  const ht_layer_dsp* layer = ht_layer_of(p->packed);
  if (layer->bias_bits == 0) return;
  const int8_t* stored = (const int8_t*)ht_channels_of(layer, ht_depthwise_outputs(p));
  ht_quad_channels* to = (ht_quad_channels*)room;
  for (int32_t i = 0; i < ht_depthwise_quads(p); ++i, ++to) {
    ht_short_channel made[4];
    HT_FN(ht_short_channels_dsp)(layer, stored, 4 * i, 4, made);
    for (int32_t place = 0; place < 4; ++place) {
      to->bias[place] = made[place].bias;
      to->multiplier[place] = made[place].multiplier;
      to->shift[place] = (int8_t)made[place].shift;
#if HT_OWN
      to->rounding[place] = ht_rounding_dsp(made[place].zero_point, made[place].shift);
#endif
    }
  }
}
#endif

// A function of its own, so that the one below has more registers.
HT_ALONE const int8_t* ht_depthwise_weights(const ht_depthwise_params* p) {
  const ht_layer_dsp* layer = ht_layer_of(p->packed);
  const int8_t* stored = (const int8_t*)ht_channels_of(layer, ht_depthwise_outputs(p));
  return stored + ht_stored_channels(layer, 4 * (size_t)ht_depthwise_quads(p), sizeof(ht_quad_channels) / 4);
}

static inline void ht_depthwise_some_rows(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end,
                                          ht_quad_finish finish) {
  const int32_t quads = ht_depthwise_quads(p), outputs = ht_depthwise_outputs(p);
  const ht_layer_dsp* layer = ht_layer_of(p->packed);
  const int8_t* stored = (const int8_t*)ht_channels_of(layer, outputs);
  const int8_t* weights = ht_depthwise_weights(p);
  const ht_quad_channels* channels = (const ht_quad_channels*)(layer->bias_bits == 0 ? (const void*)stored : ht_quad_room(p, a));
  uint32_t *widened = (uint32_t*)a->scratch, *outside = widened + ht_filter_words(p);
  for (int32_t i = 0; i < quads; ++i, ++channels, weights += 2 * ht_filter_words(p)) {
    const int32_t count = outputs - 4 * i < 4 ? outputs - 4 * i : 4;
    const bool adjacent = count == 4 && p->channel_multiplier == 1;
    uint32_t padding = (uint8_t)layer->padding * 0x01010101u;
    const ht_quad quad = {p,
                          4 * i,
                          count,
                          adjacent,
                          layer->lift,
                          2 * layer->zero_point + 1,
                          (const int8_t*)&padding,
                          channels,
                          widened,
                          outside,
                          outside + ht_column_words(p)};
    if (layer->own_padding) padding = ht_quad_word(&quad, p->padding);
    ht_widen_weights(p, weights, widened);
    ht_widen_outside(&quad, outside);
    ht_quad_rows(&quad, a, begin, end, finish);
  }
}

// Whether the output lies over the input: then no row may be written before those above it (ht_kernel.h).
static inline bool ht_depthwise_overlaps(const ht_depthwise_params* p, const ht_arguments* a) {
  const uintptr_t input = (uintptr_t)a->inputs[0], output = (uintptr_t)a->output;
  const size_t input_rows = (size_t)p->batch * (size_t)p->input_height, output_rows = (size_t)p->batch * (size_t)p->output_height;
  const size_t bytes = HT_DEPTHWISE_SUMS && (p->epilogue.output == HT_OUTPUT_F32 || p->epilogue.output == HT_OUTPUT_S32) ? 4 : 1;
  return output < input + input_rows * (size_t)p->input_width * (size_t)p->input_stride &&
         input < output + output_rows * (size_t)p->output_width * (size_t)p->output_stride * bytes;
}

// The weights of four channels are widened once for all rows, where that may be.
HT_ALONE void ht_depthwise_rows(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end,
                                ht_quad_finish finish) {
  const int32_t rows = ht_depthwise_overlaps(p, a) ? 1 : end - begin;
#if !HT_DEPTHWISE_SUMS
  ht_expand_quads(p, ht_quad_room(p, a));
#endif
  for (int32_t row = begin; row < end; row += rows) ht_depthwise_some_rows(p, a, row, row + rows, finish);
}

#endif
