// SPDX-License-Identifier: Apache-2.0
#include "ht_conv_wide.h"

#include "ht_finish.h"
#include "ht_patch.h"

// A tile of output pixels shares each row of weights while it is in registers.
enum { TILE = 4 };

// Scratch: TILE widened patches, then as many rows of sums.
static size_t patch_bytes(const ht_conv_params* p) { return (TILE * ht_patch_depth(p) * sizeof(int16_t) + 63) / 64 * 64; }

size_t HT_FN(ht_conv_wide_scratch)(const ht_conv_wide_params* p) {
  return patch_bytes(&p->conv) + TILE * (size_t)(p->conv.output_channels / p->conv.groups) * sizeof(int32_t);
}

static void dot_tile(const int16_t* HT_RESTRICT x, size_t depth, const int16_t* HT_RESTRICT w, int32_t bias, int32_t* sums,
                     size_t sums_stride) {
  const int16_t *x0 = x, *x1 = x0 + depth, *x2 = x1 + depth, *x3 = x2 + depth;
  const int32_t count = (int32_t)depth;
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (int32_t i = 0; i < count; ++i) {
    s0 += (int32_t)x0[i] * w[i], s1 += (int32_t)x1[i] * w[i];
    s2 += (int32_t)x2[i] * w[i], s3 += (int32_t)x3[i] * w[i];
  }
  sums[0] = s0 + bias, sums[sums_stride] = s1 + bias, sums[2 * sums_stride] = s2 + bias, sums[3 * sums_stride] = s3 + bias;
}

static void convolve_row(const ht_conv_wide_params* wide, const int8_t* image, int32_t oy, void* output, size_t at, void* scratch) {
  const ht_conv_params* p = &wide->conv;
  const int32_t outputs = p->output_channels / p->groups;
  const size_t depth = ht_patch_depth(p);
  int16_t* patches = (int16_t*)scratch;
  int32_t* sums = (int32_t*)((char*)scratch + patch_bytes(p));
  for (int32_t group = 0; group < p->groups; ++group) {
    const int32_t first = group * outputs;
    for (int32_t ox = 0; ox < p->output_width; ox += TILE) {
      const int32_t valid = p->output_width - ox < TILE ? p->output_width - ox : TILE;
      for (int32_t r = 0; r < TILE; ++r)  // a short tile repeats its last pixel
        ht_gather_patch(p, image, oy, ox + (r < valid ? r : valid - 1), group * (p->input_channels / p->groups),
                        patches + (size_t)r * depth);
      for (int32_t o = 0; o < outputs; ++o)
        dot_tile(patches, depth, wide->weights + (size_t)(first + o) * depth, p->bias[first + o], sums + o, (size_t)outputs);
      for (int32_t r = 0; r < valid; ++r)
        ht_finish(&p->epilogue, first, outputs, sums + (size_t)r * (size_t)outputs, output,
                  at + (size_t)(ox + r) * (size_t)p->output_stride + (size_t)first);
    }
  }
}

void HT_FN(ht_conv_wide)(const ht_conv_wide_params* wide, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_conv_params* p = &wide->conv;
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const size_t at = (size_t)row * (size_t)p->output_width * (size_t)p->output_stride;
    convolve_row(wide, image, row % p->output_height, a->output, at, a->scratch);
  }
}
