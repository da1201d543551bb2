// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/ht_conv_amx.h"
#include "kernels/x86/ht_conv_x86.h"

// Filters whose rows are adjacent pixels of the input: each of its rows is copied once into a ring, padded, and tiles are loaded
// from there, so that no patches are gathered. Two segments may lie in two rows of the output, which the ring has room for.
static size_t filter_row(const ht_conv_params* p) { return (size_t)p->kernel_width * (size_t)p->input_channels; }
static ht_tile_shape shape_of(const ht_conv_params* p) {
  return ht_split_rows(p->kernel_height, filter_row(p), (size_t)p->stride_width * (size_t)p->input_channels);
}
static int32_t ring_rows(const ht_conv_params* p) { return ht_filter_reach(p) + p->stride_height; }

// The last pixels of a segment may lie behind the row's end, and the last bytes of their filter's row.
static size_t ring_row_bytes(const ht_conv_params* p) {
  const ht_tile_shape shape = shape_of(p);
  const size_t used = (size_t)ht_padded_columns(p) * (size_t)p->input_channels + (HT_SEGMENT - 1) * shape.pitch +
                      ht_row_depth(&shape) - filter_row(p);
  return (used + 63) / 64 * 64;
}

static int64_t whole_segments(int64_t pixels) { return (pixels + HT_SEGMENT - 1) / HT_SEGMENT; }

// Products of rows that do not fill their segments, one tile in sixteen cycles, are weighed against gathering, which takes some
// three cycles a row of the filter and 64 bytes.
bool ht_conv_accepts_amx_rows(const ht_conv_params* p) {
  enum { kMostRingBytes = 1 << 18, kProductCycles = 16, kGatherCycles = 3 };
  if (!ht_reads_padded_rows(p) || (size_t)ring_rows(p) * ring_row_bytes(p) > kMostRingBytes) return false;
  const ht_tile_shape by_rows = shape_of(p), gathered = ht_split_rows(1, ht_patch_depth(p), 0);
  if (!ht_fills_tiles(&by_rows)) return false;
  const int64_t height = p->output_height, pixels = height * p->output_width;
  const int64_t tiles =
      height * whole_segments(p->output_width) * p->kernel_height * by_rows.steps - whole_segments(pixels) * gathered.steps;
  return tiles * ht_channel_blocks(p) * kProductCycles <
         pixels * p->kernel_height * (int64_t)(filter_row(p) / 64 + 1) * kGatherCycles;
}

size_t ht_conv_packed_amx_rows(const ht_conv_params* p) {
  const ht_tile_shape shape = shape_of(p);
  return (size_t)ht_channel_blocks(p) * ht_block_bytes((size_t)shape.rows * ht_row_depth(&shape));
}

size_t ht_conv_packed_scratch_amx_rows(const ht_conv_params* p) {
  return HT_AMX_SUMS * sizeof(int32_t) + (size_t)ring_rows(p) * ring_row_bytes(p);
}

void ht_conv_pack_amx_rows(const ht_conv_params* p, void* packed) {
  const ht_tile_shape shape = shape_of(p);
  ht_pack_blocks(p, shape.rows, ht_row_depth(&shape), 0, (char*)packed);
}

void ht_conv_run_amx_rows(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const size_t row_bytes = ring_row_bytes(p);
  int8_t* ring = (int8_t*)a->scratch + HT_AMX_SUMS * sizeof(int32_t);
  const int32_t blocks = ht_channel_blocks(p);
  ht_tiles tiles = ht_begin_tiles(p, shape_of(p), a->output, (int32_t*)a->scratch);
  const int8_t* starts[2][HT_FILTER_ROWS];
  ht_segment segments[2] = {{starts[0], 0, 0}, {starts[1], 0, 0}};
  int32_t held = 0;    // segments that wait for their products
  int32_t filled = 0;  // rows of the padded input above this one are in the ring, as far as it reaches
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const int32_t oy = row % p->output_height, top = oy * p->stride_height;
    if (oy == 0 && held) ht_convolve_segments(&tiles, 0, 0, blocks, segments, held), held = 0;
    if (row == begin || oy == 0 || filled < top) filled = top;
    for (; filled < top + ht_filter_reach(p); ++filled)
      ht_fill_padded_row(p, image, filled - p->pad_top, _mm512_setzero_si512(),
                         ring + (size_t)(filled % ring_rows(p)) * row_bytes);
    for (int32_t ox = 0; ox < p->output_width; ox += HT_SEGMENT) {
      ht_segment* s = &segments[held++];
      s->valid = p->output_width - ox < HT_SEGMENT ? p->output_width - ox : HT_SEGMENT;
      s->at = ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride;
      for (int32_t ky = 0; ky < p->kernel_height; ++ky)
        starts[s - segments][ky] =
            ring + (size_t)((top + ky * p->dilation_height) % ring_rows(p)) * row_bytes + (size_t)ox * tiles.shape.pitch;
      if (held == 2) ht_convolve_segments(&tiles, 0, 0, blocks, segments, held), held = 0;
    }
  }
  if (held) ht_convolve_segments(&tiles, 0, 0, blocks, segments, held);
  _tile_release();
}
