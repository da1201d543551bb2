// SPDX-License-Identifier: Apache-2.0
#include "kernels/cortex_m/ht_conv_walk_dsp.h"

#include "kernels/cortex_m/ht_widen_dsp.h"

// A bundle's ht_config.h says so where no layer has more outputs than HT_MOST_EXPANDED.
#ifndef HT_FEW_OUTPUTS
#define HT_FEW_OUTPUTS 0
#endif

static bool expands_by_tiles(int32_t outputs) { return !HT_FEW_OUTPUTS && outputs > HT_MOST_EXPANDED; }

// Scratch: the patches of a tile; a row of the filter in bytes, where channels are no words; the sums of a tile or the channels of a group.
static size_t tile_pixels(const ht_conv_params* p) {
  return p->batch * p->output_height * p->output_width < HT_TILE_PIXELS ? 1 : HT_TILE_PIXELS;
}
static size_t tile_words(const ht_conv_params* p) {
  const size_t row = p->input_channels / p->groups % 4 == 0 ? 0 : (ht_row_inputs(p) + 3) / 4;
  return tile_pixels(p) * ht_patch_words(p) + row;
}
size_t HT_FN(ht_conv_walk_dsp_scratch)(const ht_conv_params* p, bool sums, size_t channel_bytes) {
  const size_t outputs = (size_t)(p->output_channels / p->groups), stored = sums ? tile_pixels(p) * outputs : 0;
  const size_t room = expands_by_tiles((int32_t)outputs) ? (size_t)HT_SOME_EXPANDED : (outputs + 1) / 2 * 2;
  return (tile_words(p) + stored) * sizeof(uint32_t) + room * channel_bytes;
}

// What stays the same for a group of channels.
typedef struct walk {
  const ht_tile_dsp* tile;
  const ht_conv_params* params;
  int32_t first, outputs;  // channels of the output
  int32_t first_input;
  int32_t lift, rounding;
  size_t pair_bytes;
  const int8_t* weights;
  const char* channels;
  const int8_t* short_channels;  // of all groups, where some are expanded before each tile, into `channels`; else NULL
  int32_t before;                // how many are those of other groups
  uint32_t* patches;
  int8_t* row;    // room for a row of the filter
  int32_t* sums;  // of a tile
} walk;

static walk walk_group(const ht_tile_dsp* tile, const ht_conv_params* p, int32_t group, void* scratch) {
  const int32_t outputs = p->output_channels / p->groups, pairs = (outputs + 1) / 2;
  const size_t pair_bytes = ht_patch_words(p) * sizeof(uint32_t);
  const ht_layer_dsp* layer = ht_layer_of(p->packed);
  uint32_t* patches = (uint32_t*)scratch;
  const int8_t* stored = (const int8_t*)ht_channels_of(layer, p->output_channels);
  const int8_t* weights = stored + ht_stored_channels(layer, (size_t)(p->groups * pairs * 2), tile->channel_bytes);
  const bool is_short = layer->bias_bits != 0;
  const int32_t before = group * pairs * 2;
  void* rest = patches + tile_words(p);
  const bool by_tile = is_short && expands_by_tiles(outputs);
  if (is_short && !by_tile) tile->expand(layer, stored, before, 2 * pairs, rest);
  const walk made = {tile,
                     p,
                     group * outputs,
                     outputs,
                     group * (p->input_channels / p->groups),
                     layer->lift,
                     2 * layer->zero_point + 1,
                     pair_bytes,
                     weights + (size_t)(group * pairs) * pair_bytes,
                     is_short ? (const char*)rest : (const char*)stored + (size_t)before * tile->channel_bytes,
                     by_tile ? stored : NULL,
                     before,
                     patches,
                     (int8_t*)(patches + tile_pixels(p) * ht_patch_words(p)),
                     (int32_t*)rest};
  return made;
}

// Where the walk is.
typedef struct place {
  const int8_t* image;
  int32_t oy, ox;
} place;

// Widens the patch of a pixel and goes on to the next one.
HT_ALONE void widen(const walk* w, place* at, size_t pitch, uint32_t* to) {
  const ht_conv_params* p = w->params;
  ht_widen_patch(p, at->image, at->oy, at->ox, w->first_input, w->row, pitch, to);
  if (++at->ox < p->output_width) return;
  at->ox = 0;
  if (++at->oy < p->output_height) return;
  at->oy = 0;
  at->image += (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
}

// Whether output pixels read the input's pixels, one each, in words.
static bool reads_pixels(const ht_conv_params* p) {
  return p->kernel_height == 1 && p->kernel_width == 1 && p->input_channels / p->groups % 4 == 0 && p->input_height == p->output_height &&
         p->input_width == p->output_width && p->stride_height == 1 && p->stride_width == 1 && p->pad_top == 0 && p->pad_left == 0;
}

// Their patches.
HT_ALONE void widen_plain(const walk* w, int32_t pixels, const int8_t* from) {
  uint32_t* to = w->patches;
  const int32_t channels = w->params->input_channels / w->params->groups;
  if (pixels == 1) {
    ht_widen_bytes(from, channels, 1, to);
    return;
  }
  const ptrdiff_t step = w->params->input_stride;
  for (const int8_t* end = from + channels; from != end; from += 4, to += 8) {
    const uint32_t first = ht_load_word(from), second = ht_load_word(from + step);
    const uint32_t third = ht_load_word(from + 2 * step), fourth = ht_load_word(from + 3 * step);
    to[0] = ht_even_bytes(first);
    to[1] = ht_even_bytes(second);
    to[2] = ht_even_bytes(third);
    to[3] = ht_even_bytes(fourth);
    to[4] = ht_odd_bytes(first);
    to[5] = ht_odd_bytes(second);
    to[6] = ht_odd_bytes(third);
    to[7] = ht_odd_bytes(fourth);
  }
}

// The channels from `first` on that the functions for more of them leave, of a pixel whose patch has its words `pitch` apart.
static void pairs_from(const walk* w, int32_t first, const uint32_t* patch, size_t pitch, char* output) {
  const size_t bytes = w->tile->finish ? sizeof(int32_t) : 1;
  for (int32_t o = first; o < w->outputs; o += 2)
    w->tile->pair(patch, pitch, w->weights + (size_t)(o / 2) * w->pair_bytes, w->channels + (size_t)o * w->tile->channel_bytes,
                  output + (size_t)o * bytes, w->outputs - o == 1 ? 1 : 2, w->lift, w->rounding, w->pair_bytes);
}

// Computes `pixels` (four or one) whose patches are there; `stride` elements lie between them.
static void compute(const walk* w, int32_t pixels, char* output, int32_t stride) {
  const int32_t pairs = w->outputs / 2, quads = w->outputs / 4;
  if (pixels == 1) {
    if (quads > 0) w->tile->one_pixel(w->patches, w->weights, w->channels, output, quads, w->lift, w->rounding, w->pair_bytes);
    pairs_from(w, 4 * quads, w->patches, 1, output);
    return;
  }
  if (pairs > 0) w->tile->four_pixels(w->patches, w->weights, w->channels, output, stride, pairs, w->lift, w->rounding, w->pair_bytes);
  if (w->outputs % 2 == 0) return;
  const size_t step = (size_t)stride * (w->tile->finish ? sizeof(int32_t) : 1);
  for (int32_t pixel = 0; pixel < pixels; ++pixel) pairs_from(w, 2 * pairs, w->patches + pixel, HT_TILE_PIXELS, output + (size_t)pixel * step);
}

// The same, expanding some channels after the other.
static void compute_expanding(const walk* w, int32_t pixels, char* output, int32_t stride) {
  walk some = *w;
  for (int32_t done = 0; done < w->outputs; done += HT_SOME_EXPANDED) {
    some.outputs = w->outputs - done < HT_SOME_EXPANDED ? w->outputs - done : HT_SOME_EXPANDED;
    w->tile->expand(ht_layer_of(w->params->packed), w->short_channels, w->before + done, (some.outputs + 1) / 2 * 2,
                    (void*)w->sums);
    compute(&some, pixels, output + done, stride);
    some.weights += (HT_SOME_EXPANDED / 2) * w->pair_bytes;
  }
}

// Into output[at], output[at + output_stride], ...
static inline void compute_tile(const walk* w, int32_t pixels, void* output, size_t at) {
  const ht_conv_params* p = w->params;
  if (!HT_FEW_OUTPUTS && w->short_channels) {
    compute_expanding(w, pixels, (char*)output + at, p->output_stride);
    return;
  }
  if (!w->tile->finish) {
    compute(w, pixels, (char*)output + at, p->output_stride);
    return;
  }
  compute(w, pixels, (char*)w->sums, w->outputs);
  for (int32_t pixel = 0; pixel < pixels; ++pixel)
    w->tile->finish(&p->epilogue, p->packed, p->output_channels, w->first, w->outputs, w->sums + pixel * w->outputs, output,
                    at + (size_t)pixel * (size_t)p->output_stride);
}

void HT_FN(ht_conv_walk_dsp)(const ht_tile_dsp* tile, const ht_conv_params* p, const void* input, void* output, void* scratch, int32_t begin,
                             int32_t end) {
  const size_t image_bytes = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const place start = {(const int8_t*)input + (size_t)(begin / p->output_height) * image_bytes, begin % p->output_height, 0};
  const bool is_plain = reads_pixels(p);
  for (int32_t group = 0; group < p->groups; ++group) {
    const walk w = walk_group(tile, p, group, scratch);
    place at = start;
    const int8_t* plain = (const int8_t*)input + (ptrdiff_t)begin * p->input_width * p->input_stride + w.first_input;
    size_t to = (size_t)begin * (size_t)p->output_width * (size_t)p->output_stride + (size_t)w.first;
    int32_t left = (end - begin) * p->output_width;
    while (left > 0) {
      const int32_t pixels = left < HT_TILE_PIXELS ? 1 : HT_TILE_PIXELS;
      if (is_plain) {
        widen_plain(&w, pixels, plain);
        plain += pixels * p->input_stride;
      } else {
        for (int32_t pixel = 0; pixel < pixels; ++pixel) widen(&w, &at, (size_t)pixels, w.patches + pixel);
      }
      compute_tile(&w, pixels, output, to);
      to += (size_t)pixels * (size_t)p->output_stride;
      left -= pixels;
    }
  }
}
