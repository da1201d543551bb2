// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "kernels/x86/ht_conv_vnni.h"
#include "kernels/x86/ht_conv_x86.h"

// The patches of a tile's pixels are gathered, whatever the filter.

static size_t padded_depth(const ht_conv_params* p) { return (ht_patch_depth(p) + 3) / 4 * 4; }

// Weights that do not stay in the second cache are read for more pixels at once.
static int32_t tile_pixels(const ht_conv_params* p) {
  enum { kMostKept = 1 << 18 };
  return ht_conv_packed_avx512vnni(p) > kMostKept || p->epilogue.plane != 0 ? HT_MOST_PIXELS : HT_MOST_PIXELS / 2;
}

// Whole tiles of pixels that are gathered before any is multiplied. What is written in planes is done two blocks at a time for
// many pixels, because more planes than that lie in more pages than a processor remembers.
static int32_t gathered_pixels(const ht_conv_params* p) {
  enum { kMostTiles = 16, kMostBytes = 1 << 16 };
  if (p->epilogue.plane == 0) return tile_pixels(p);
  const size_t tiles = kMostBytes / (padded_depth(p) * HT_MOST_PIXELS);
  return HT_MOST_PIXELS * (tiles > kMostTiles ? kMostTiles : tiles < 1 ? 1 : (int32_t)tiles);
}

size_t ht_conv_packed_avx512vnni(const ht_conv_params* p) {
  return (size_t)(p->groups * ht_channel_blocks(p)) * ht_block_bytes(padded_depth(p));
}

size_t ht_conv_packed_scratch_avx512vnni(const ht_conv_params* p) {
  return HT_TILE_SUMS * sizeof(int32_t) + (size_t)gathered_pixels(p) * padded_depth(p) + 64;
}

void ht_conv_pack_avx512vnni(const ht_conv_params* p, void* packed) { ht_pack_blocks(p, 1, padded_depth(p), 128, (char*)packed); }

// The output's pixels in memory's order, whatever row they are in.
void ht_conv_run_avx512vnni(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue, p->output_channels, p->bias, ht_patch_depth(p));
  const size_t pitch = padded_depth(p);
  int32_t* sums = (int32_t*)a->scratch;
  int8_t* gathered = (int8_t*)(sums + HT_TILE_SUMS);
  const int32_t pixels = gathered_pixels(p), tile = tile_pixels(p), all = ht_channel_blocks(p),
                step = p->epilogue.plane != 0 ? 2 : all;
  memset(gathered, 0, (size_t)pixels * pitch);  // beyond a patch's depth any bytes do, the weights there being 0
  const int32_t last = end * p->output_width;
  for (int32_t pixel = begin * p->output_width; pixel < last; pixel += pixels) {
    const int32_t valid = last - pixel < pixels ? last - pixel : pixels;
    for (int32_t group = 0; group < p->groups; ++group) {
      ht_gather_pixels(p, (const int8_t*)a->inputs[0], pixel, valid, group * ht_group_inputs(p), pitch, _mm512_set1_epi8(-128), gathered);
      for (int32_t block = 0; block < all; block += step)
        for (int32_t i = 0; i < valid; i += tile) {
          const uint8_t* row = (const uint8_t*)gathered + (size_t)i * pitch;
          const ht_patches patches = {&row, 1, pitch, pitch};
          ht_convolve_tile(p, &finisher, group, block, all - block < step ? all : block + step, &patches,
                           valid - i < tile ? valid - i : tile, sums, a->output, (size_t)(pixel + i) * (size_t)p->output_stride);
        }
    }
  }
}
