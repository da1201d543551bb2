// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "kernels/x86/ht_conv_vnni.h"
#include "kernels/x86/ht_conv_x86.h"

// The patches of a tile's pixels are gathered, whatever the filter.

static size_t padded_depth(const ht_conv_params* p) { return (ht_patch_depth(p) + 3) / 4 * 4; }

// Weights that do not stay in the second cache are read for more pixels at once, and more are written at once to each plane.
static int32_t tile_pixels(const ht_conv_params* p) {
  enum { kMostKept = 1 << 18 };
  return ht_conv_packed_avx512vnni(p) > kMostKept || p->epilogue.plane != 0 ? HT_MOST_PIXELS : HT_MOST_PIXELS / 2;
}

size_t ht_conv_packed_avx512vnni(const ht_conv_params* p) {
  return (size_t)(p->groups * ht_channel_blocks(p)) * ht_block_bytes(padded_depth(p));
}

size_t ht_conv_packed_scratch_avx512vnni(const ht_conv_params* p) {
  return HT_TILE_SUMS * sizeof(int32_t) + (size_t)tile_pixels(p) * padded_depth(p) + 64;
}

void ht_conv_pack_avx512vnni(const ht_conv_params* p, void* packed) { ht_pack_blocks(p, 1, padded_depth(p), 128, (char*)packed); }

// The output's pixels in memory's order, whatever row they are in.
void ht_conv_run_avx512vnni(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue, p->output_channels, p->bias, ht_patch_depth(p));
  const size_t pitch = padded_depth(p);
  int32_t* sums = (int32_t*)a->scratch;
  int8_t* gathered = (int8_t*)(sums + HT_TILE_SUMS);
  const uint8_t* row = (const uint8_t*)gathered;
  const int32_t pixels = tile_pixels(p);
  const ht_patches patches = {&row, 1, pitch, pitch};
  memset(gathered, 0, (size_t)pixels * pitch);  // beyond a patch's depth any bytes do, the weights there being 0
  const int32_t last = end * p->output_width;
  for (int32_t pixel = begin * p->output_width; pixel < last; pixel += pixels) {
    const int32_t valid = last - pixel < pixels ? last - pixel : pixels;
    for (int32_t group = 0; group < p->groups; ++group) {
      ht_gather_pixels(p, (const int8_t*)a->inputs[0], pixel, valid, group * ht_group_inputs(p), pitch, _mm512_set1_epi8(-128), gathered);
      ht_convolve_tile(p, &finisher, group, &patches, valid, sums, a->output, (size_t)pixel * (size_t)p->output_stride);
    }
  }
}
