// SPDX-License-Identifier: Apache-2.0
#include "ht_conv.h"

#include "ht_dot.h"
#include "ht_finish.h"
#include "ht_patch.h"

// Scratch: HT_DOT_ROWS widened patches, then as many rows of sums.
static size_t patch_bytes(const ht_conv_params* p) { return (HT_DOT_ROWS * ht_patch_depth(p) * sizeof(int16_t) + 63) / 64 * 64; }

size_t HT_FN(ht_conv_scratch)(const ht_conv_params* p) {
  return patch_bytes(p) + HT_DOT_ROWS * (size_t)(p->output_channels / p->groups) * sizeof(int32_t);
}

static void convolve_row(const ht_conv_params* p, const int8_t* image, int32_t oy, void* output, size_t at, void* scratch) {
  const int32_t outputs = p->output_channels / p->groups;
  const size_t depth = ht_patch_depth(p);
  int16_t* patches = (int16_t*)scratch;
  int32_t* sums = (int32_t*)((char*)scratch + patch_bytes(p));
  for (int32_t group = 0; group < p->groups; ++group) {
    const int32_t first = group * outputs;
    for (int32_t ox = 0; ox < p->output_width; ox += HT_DOT_ROWS) {
      const int32_t valid = p->output_width - ox < HT_DOT_ROWS ? p->output_width - ox : HT_DOT_ROWS;
      for (int32_t r = 0; r < HT_DOT_ROWS; ++r)  // a short tile repeats its last pixel
        ht_gather_patch(p, image, oy, ox + (r < valid ? r : valid - 1), group * (p->input_channels / p->groups),
                        patches + (size_t)r * depth);
      ht_dot_rows(patches, depth, p->weights + (size_t)first * depth, depth, (int32_t)depth, outputs, p->bias + first, sums,
                  (size_t)outputs);
      for (int32_t r = 0; r < valid; ++r)
        ht_finish(&p->epilogue, first, outputs, sums + (size_t)r * (size_t)outputs, output,
                  at + (size_t)(ox + r) * (size_t)p->output_stride + (size_t)first);
    }
  }
}

void HT_FN(ht_conv)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const size_t at = (size_t)row * (size_t)p->output_width * (size_t)p->output_stride;
    convolve_row(p, image, row % p->output_height, a->output, at, a->scratch);
  }
}
