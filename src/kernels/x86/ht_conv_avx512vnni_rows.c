// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/ht_conv_vnni.h"
#include "kernels/x86/ht_conv_x86.h"

// Filters whose rows are adjacent pixels of the input: each of its rows is copied once into a ring, padded, as q + 128, and the products read
// it there, so that no patches are gathered. A row of the filter is filled up to whole fours of bytes by weights of 0.
enum { kPixels = 32 };

static size_t row_depth(const ht_conv_params* p) { return (size_t)(p->kernel_width * p->input_channels + 3) / 4 * 4; }
static size_t pixel_step(const ht_conv_params* p) { return (size_t)p->stride_width * (size_t)p->input_channels; }
static int32_t ring_rows(const ht_conv_params* p) { return ht_filter_reach(p); }

// The last pixels in registers may lie behind the row's end, and the last four bytes of their filter's row.
static size_t ring_row_bytes(const ht_conv_params* p) {
  const size_t used = (size_t)ht_padded_columns(p) * (size_t)p->input_channels + HT_REGISTER_PIXELS * pixel_step(p) + 3;
  return (used + 63) / 64 * 64;
}

// Pixels that are computed for a row, in the steps of ht_multiply_tile().
static int32_t computed_pixels(const ht_conv_params* p) {
  const int32_t rest = p->output_width % HT_PAIR_PIXELS;
  return p->output_width - rest + (rest > 4 ? 8 : rest > 1 ? 4 : rest);
}

// Products for nothing, two a cycle, are weighed against gathering, which takes some three cycles a row of the filter and 64 bytes.
bool ht_conv_accepts_avx512vnni_rows(const ht_conv_params* p) {
  enum { kMostRingBytes = 1 << 15, kGatherCycles = 3 };
  if (!ht_reads_padded_rows(p) || (size_t)ring_rows(p) * ring_row_bytes(p) > kMostRingBytes) return false;
  const int64_t used = (int64_t)ht_patch_depth(p) * p->output_width;
  const int64_t computed = p->kernel_height * (int64_t)row_depth(p) * computed_pixels(p);
  const int64_t gathered = (int64_t)p->kernel_height * (p->kernel_width * p->input_channels / 64 + 1) * p->output_width;
  return (computed - used) / 4 * ht_channel_blocks(p) / 2 < gathered * kGatherCycles;
}

size_t ht_conv_packed_avx512vnni_rows(const ht_conv_params* p) {
  return (size_t)ht_channel_blocks(p) * ht_block_bytes((size_t)p->kernel_height * row_depth(p));
}

size_t ht_conv_packed_scratch_avx512vnni_rows(const ht_conv_params* p) {
  return HT_TILE_SUMS * sizeof(int32_t) + (size_t)ring_rows(p) * ring_row_bytes(p);
}

void ht_conv_pack_avx512vnni_rows(const ht_conv_params* p, void* packed) {
  ht_pack_blocks(p, p->kernel_height, row_depth(p), 128, (char*)packed);
}

void ht_conv_run_avx512vnni_rows(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue, p->output_channels, p->bias, ht_patch_depth(p));
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const size_t row_bytes = ring_row_bytes(p), stride = (size_t)p->output_stride;
  int32_t* sums = (int32_t*)a->scratch;
  int8_t* ring = (int8_t*)(sums + HT_TILE_SUMS);
  const uint8_t* rows[HT_FILTER_ROWS];
  const ht_patches patches = {rows, p->kernel_height, row_depth(p), pixel_step(p)};
  int32_t filled = 0;  // rows of the padded input above this one are in the ring, as far as it reaches
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const int32_t oy = row % p->output_height, top = oy * p->stride_height;
    if (row == begin || oy == 0 || filled < top) filled = top;
    for (; filled < top + ring_rows(p); ++filled)
      ht_fill_padded_row(p, image, filled - p->pad_top, _mm512_set1_epi8(-128),
                         ring + (size_t)(filled % ring_rows(p)) * row_bytes);
    for (int32_t ox = 0; ox < p->output_width; ox += kPixels) {
      const int32_t left = p->output_width - ox;
      for (int32_t ky = 0; ky < p->kernel_height; ++ky)
        rows[ky] = (const uint8_t*)ring + (size_t)((top + ky * p->dilation_height) % ring_rows(p)) * row_bytes + (size_t)ox * pixel_step(p);
      ht_convolve_tile(p, &finisher, 0, 0, ht_channel_blocks(p), &patches, left < kPixels ? left : kPixels, sums, a->output,
                       ((size_t)row * (size_t)p->output_width + (size_t)ox) * stride);
    }
  }
}
