// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/ht_conv_amx.h"

#include "kernels/x86/ht_conv_x86.h"

// The whole patch is one row.
static ht_tile_shape shape_of(const ht_conv_params* p) {
  ht_tile_shape shape = ht_split_rows(1, ht_patch_depth(p), 0);
  shape.pitch = ht_row_depth(&shape);
  return shape;
}

static size_t padded_depth(const ht_conv_params* p) { return shape_of(p).pitch; }

// In convolutions of many groups most of a tile is empty, and short rows of filters are left to where they need no gathering.
bool ht_conv_accepts_amx(const ht_conv_params* p) {
  const ht_tile_shape gathered = shape_of(p), by_rows = ht_split_rows(1, ht_patch_depth(p) / (size_t)p->kernel_height, 0);
  if (p->groups > 1 && ht_group_outputs(p) < HT_VECTOR) return false;
  return ht_fills_tiles(&gathered) && (ht_fills_tiles(&by_rows) || !ht_conv_accepts_avx512vnni_rows(p));
}

size_t ht_conv_packed_amx(const ht_conv_params* p) {
  return (size_t)(p->groups * ht_channel_blocks(p)) * ht_block_bytes(padded_depth(p));
}

size_t ht_conv_packed_scratch_amx(const ht_conv_params* p) {
  return HT_AMX_SUMS * sizeof(int32_t) + 2 * HT_SEGMENT * padded_depth(p) + HT_TILE_DEPTH;
}

void ht_conv_pack_amx(const ht_conv_params* p, void* packed) { ht_pack_blocks(p, 1, padded_depth(p), 0, (char*)packed); }

// Whether tiles can be loaded from the input itself: a tile's row ends where the pixel's channels do.
static bool reads_input(const ht_conv_params* p) { return ht_is_pointwise(p) && padded_depth(p) == ht_patch_depth(p); }

// Up to two segments of pixels from `pixel` on, by the blocks [first, first + count) of a group.
static void convolve_pixels(ht_tiles* tiles, const int8_t* input, bool direct, int8_t* patches, int32_t pixel, int32_t valid,
                            int32_t group, int32_t first, int32_t count) {
  const ht_conv_params* p = tiles->params;
  const size_t stride = (size_t)p->output_stride, at = (size_t)pixel * stride;
  const size_t gathered = ht_row_depth(&tiles->shape);
  const int8_t* rows[2] = {patches, patches + HT_SEGMENT * gathered};
  tiles->shape.pitch = gathered;
  if (direct && valid % HT_SEGMENT == 0) {
    rows[0] = input + (ptrdiff_t)pixel * p->input_stride + group * ht_group_inputs(p);
    rows[1] = rows[0] + (ptrdiff_t)HT_SEGMENT * p->input_stride;
    tiles->shape.pitch = (size_t)p->input_stride;
  } else {
    ht_gather_pixels(p, input, pixel, valid, group * ht_group_inputs(p), gathered, _mm512_setzero_si512(), patches);
  }
  const ht_segment segments[2] = {{rows, valid < HT_SEGMENT ? valid : HT_SEGMENT, at},
                                  {rows + 1, valid - HT_SEGMENT, at + HT_SEGMENT * stride}};
  ht_convolve_segments(tiles, group, first, first + count, segments, valid > HT_SEGMENT ? 2 : 1);
}

// The output's pixels in memory's order, whatever row they are in. What is written in planes is done two blocks at a time for
// many pixels, because more planes than that lie in more pages than a processor remembers.
void ht_conv_run_amx(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  enum { kPair = 2 * HT_SEGMENT, kPixelsOfPlanes = 1024 };
  int32_t* sums = (int32_t*)a->scratch;
  int8_t* patches = (int8_t*)(sums + HT_AMX_SUMS);
  memset(patches, 0, kPair * padded_depth(p));  // beyond a patch's depth any bytes do, the weights there being 0
  ht_tiles tiles = ht_begin_tiles(p, shape_of(p), a->output, sums);
  const bool direct = reads_input(p), in_planes = p->epilogue.plane != 0 && direct;
  const int32_t all = ht_channel_blocks(p), step = in_planes ? 2 : all, pixels = in_planes ? kPixelsOfPlanes : kPair;
  const int32_t end_pixel = end * p->output_width;
  for (int32_t start = begin * p->output_width; start < end_pixel; start += pixels) {
    const int32_t stop = end_pixel - start < pixels ? end_pixel : start + pixels;
    for (int32_t group = 0; group < p->groups; ++group)
      for (int32_t block = 0; block < all; block += step)
        for (int32_t pixel = start; pixel < stop; pixel += kPair)
          convolve_pixels(&tiles, (const int8_t*)a->inputs[0], direct, patches, pixel,
                          stop - pixel < kPair ? stop - pixel : kPair, group, block, all - block < step ? all - block : step);
  }
  _tile_release();
}
