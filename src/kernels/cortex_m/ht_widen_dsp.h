// SPDX-License-Identifier: Apache-2.0
// The inputs under a filter as words of two halves, in the order in which SXTB16 makes them from four adjacent bytes:
// inputs k and k + 2, then k + 1 and k + 3.
#ifndef HT_WIDEN_DSP_H
#define HT_WIDEN_DSP_H

#include "kernels/c/ht_conv.h"
#include "kernels/cortex_m/ht_dsp.h"

static inline size_t ht_row_inputs(const ht_conv_params* p) {
  return (size_t)p->kernel_width * (size_t)(p->input_channels / p->groups);
}
static inline size_t ht_row_words(const ht_conv_params* p) { return (ht_row_inputs(p) + 3) / 4 * 2; }
static inline size_t ht_patch_words(const ht_conv_params* p) { return (size_t)p->kernel_height * ht_row_words(p); }

// Writes every `pitch`th word, and returns where the next one goes.
static inline uint32_t* ht_widen_bytes(const int8_t* HT_RESTRICT from, int32_t count, size_t pitch, uint32_t* HT_RESTRICT to) {
  for (; count >= 4; count -= 4, from += 4, to += 2 * pitch) {
    const uint32_t word = ht_load_word(from);
    to[0] = ht_even_bytes(word);
    to[pitch] = ht_odd_bytes(word);
  }
  if (count > 0) {
    to[0] = ht_halves(from[0], count > 2 ? from[2] : 0);
    to[pitch] = ht_halves(count > 1 ? from[1] : 0, 0);
    to += 2 * pitch;
  }
  return to;
}

// A row of the filter of which taps lie outside, or whose taps are not adjacent; `row` is NULL where all of it is outside.
static inline uint32_t* ht_widen_taps(const ht_conv_params* p, const int8_t* row, int32_t x, int32_t first_channel, int8_t* bytes,
                                      size_t pitch, uint32_t* to) {
  const int32_t channels = p->input_channels / p->groups;
  int32_t count = 0;
  for (int32_t kx = 0; kx < p->kernel_width; ++kx, x += p->dilation_width) {
    const bool inside = row && x >= 0 && x < p->input_width;
    const int8_t* from = (inside ? row + (ptrdiff_t)x * p->input_stride : p->padding) + first_channel;
    if (channels % 4 == 0) {
      to = ht_widen_bytes(from, channels, pitch, to);
    } else {
      for (int32_t c = 0; c < channels; ++c) bytes[count++] = from[c];
    }
  }
  return ht_widen_bytes(bytes, count, pitch, to);
}

// The patch of output pixel (oy, ox); `bytes` is room for a row of the filter.
static inline void ht_widen_patch(const ht_conv_params* p, const int8_t* image, int32_t oy, int32_t ox, int32_t first_channel,
                                  int8_t* bytes, size_t pitch, uint32_t* to) {
  const int32_t channels = p->input_channels / p->groups;
  const int32_t x = ox * p->stride_width - p->pad_left;
  const bool adjacent = (p->kernel_width == 1 || (p->dilation_width == 1 && channels == p->input_stride)) && x >= 0 &&
                        x + p->kernel_width <= p->input_width;
  int32_t y = oy * p->stride_height - p->pad_top;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky, y += p->dilation_height) {
    const int8_t* row = y >= 0 && y < p->input_height ? image + (ptrdiff_t)y * p->input_width * p->input_stride : NULL;
    if (adjacent && row) {
      to = ht_widen_bytes(row + (ptrdiff_t)x * p->input_stride + first_channel, p->kernel_width * channels, pitch, to);
    } else {
      to = ht_widen_taps(p, row, x, first_channel, bytes, pitch, to);
    }
  }
}

#endif
