// SPDX-License-Identifier: Apache-2.0
// Filters of three by three taps: a column of three inputs and a zero is interleaved once and multiplied by each of the filter's
// columns that it lies under, for eight channels and eight pixels.
#include "kernels/arm/ht_conv_arm.h"
#include "kernels/arm/ht_depthwise_blocks.h"

enum { kSide = 3, kHalf = 8, kTile = 8, kLongestStride = 2, kColumns = (kTile - 1) * kLongestStride + kSide };

// Where the inputs of a column lie, from the top down.
typedef struct ht_column {
  const int8_t* at[kSide];
} ht_column;

// Eight channels' weights, of each filter column [8 channels][4], the last of four being 0.
typedef struct ht_depthwise_half {
  int32_t bias[kHalf];
  int8_t weights[kSide][kHalf][4];
} ht_depthwise_half;

bool ht_depthwise_accepts_dotprod(const ht_depthwise_params* p) {
  return p->channel_multiplier == 1 && p->input_channels >= kHalf && p->kernel_height == kSide && p->kernel_width == kSide &&
         p->dilation_width == 1 && p->stride_width <= kLongestStride;
}

size_t ht_depthwise_packed_dotprod(const ht_depthwise_params* p) {
  return 2 * (size_t)ht_depthwise_blocks(p) * sizeof(ht_depthwise_half);
}
size_t ht_depthwise_packed_scratch_dotprod(const ht_depthwise_params* p) {
  (void)p;
  return kTile * HT_VECTOR * sizeof(int32_t);
}

// The second half of a block ends with its last channel, and so may share channels with the first.
static int32_t half_offset(const ht_depthwise_params* p, int32_t half) { return half * (ht_block_channels(p) - kHalf); }

void ht_depthwise_pack_dotprod(const ht_depthwise_params* p, void* packed) {
  ht_depthwise_half* half = (ht_depthwise_half*)packed;
  for (int32_t i = 0; i < 2 * ht_depthwise_blocks(p); ++i, ++half) {
    for (int32_t lane = 0; lane < kHalf; ++lane) {
      const int32_t channel = ht_first_channel(p, i / 2) + half_offset(p, i % 2) + lane;
      half->bias[lane] = p->bias[channel];
      for (int32_t kx = 0; kx < kSide; ++kx)
        for (int32_t ky = 0; ky < 4; ++ky)
          half->weights[kx][lane][ky] = ky < kSide ? p->weights[(ptrdiff_t)(ky * kSide + kx) * p->input_channels + channel] : 0;
    }
  }
}

// Eight bytes and zeros.
static inline int8x16_t load_eight(const int8_t* from) { return vcombine_s8(vld1_s8(from), vdup_n_s8(0)); }

// Eight channels of eight pixels; the sums of pixel r go to sums + r * HT_VECTOR. Inlined for a constant stride.
static inline __attribute__((always_inline)) void sum_half(const ht_column* columns, const ht_depthwise_half* half, int32_t first,
                                                           int32_t stride, int32_t* sums) {
#define HT_EACH_PIXEL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#define HT_START(r) int32x4_t a##r = vld1q_s32(half->bias), b##r = vld1q_s32(half->bias + 4);
  HT_EACH_PIXEL(HT_START)
#define HT_WEIGHTS(x) const int8x16_t v##x = vld1q_s8(half->weights[x][0]), w##x = vld1q_s8(half->weights[x][4])
  HT_WEIGHTS(0);
  HT_WEIGHTS(1);
  HT_WEIGHTS(2);
  // Multiplies column j, which lies under filter column x of pixel r.
#define HT_TAP(r, x) a##r = vdotq_s32(a##r, low, v##x), b##r = vdotq_s32(b##r, high, w##x);
#define HT_COLUMN(j, taps)                                                                 \
  {                                                                                        \
    const int8_t* const* at = columns[j].at;                                               \
    const int8x16_t odd = vzip1q_s8(load_eight(at[0] + first), load_eight(at[2] + first)); \
    const int8x16_t even = vzip1q_s8(load_eight(at[1] + first), vdupq_n_s8(0));            \
    const int8x16_t low = vzip1q_s8(odd, even), high = vzip2q_s8(odd, even);               \
    taps                                                                                   \
  }
  if (stride == 1) {
    HT_COLUMN(0, HT_TAP(0, 0));
    HT_COLUMN(1, HT_TAP(0, 1) HT_TAP(1, 0));
    HT_COLUMN(2, HT_TAP(0, 2) HT_TAP(1, 1) HT_TAP(2, 0));
    HT_COLUMN(3, HT_TAP(1, 2) HT_TAP(2, 1) HT_TAP(3, 0));
    HT_COLUMN(4, HT_TAP(2, 2) HT_TAP(3, 1) HT_TAP(4, 0));
    HT_COLUMN(5, HT_TAP(3, 2) HT_TAP(4, 1) HT_TAP(5, 0));
    HT_COLUMN(6, HT_TAP(4, 2) HT_TAP(5, 1) HT_TAP(6, 0));
    HT_COLUMN(7, HT_TAP(5, 2) HT_TAP(6, 1) HT_TAP(7, 0));
    HT_COLUMN(8, HT_TAP(6, 2) HT_TAP(7, 1));
    HT_COLUMN(9, HT_TAP(7, 2));
  } else {
    HT_COLUMN(0, HT_TAP(0, 0));
    HT_COLUMN(1, HT_TAP(0, 1));
    HT_COLUMN(2, HT_TAP(0, 2) HT_TAP(1, 0));
    HT_COLUMN(3, HT_TAP(1, 1));
    HT_COLUMN(4, HT_TAP(1, 2) HT_TAP(2, 0));
    HT_COLUMN(5, HT_TAP(2, 1));
    HT_COLUMN(6, HT_TAP(2, 2) HT_TAP(3, 0));
    HT_COLUMN(7, HT_TAP(3, 1));
    HT_COLUMN(8, HT_TAP(3, 2) HT_TAP(4, 0));
    HT_COLUMN(9, HT_TAP(4, 1));
    HT_COLUMN(10, HT_TAP(4, 2) HT_TAP(5, 0));
    HT_COLUMN(11, HT_TAP(5, 1));
    HT_COLUMN(12, HT_TAP(5, 2) HT_TAP(6, 0));
    HT_COLUMN(13, HT_TAP(6, 1));
    HT_COLUMN(14, HT_TAP(6, 2) HT_TAP(7, 0));
    HT_COLUMN(15, HT_TAP(7, 1));
    HT_COLUMN(16, HT_TAP(7, 2));
  }
#define HT_STORE(r)                      \
  vst1q_s32(sums + r * HT_VECTOR, a##r); \
  vst1q_s32(sums + r * HT_VECTOR + 4, b##r);
  HT_EACH_PIXEL(HT_STORE)
}

static void sum_half_1(const ht_column* columns, const ht_depthwise_half* half, int32_t first, int32_t* sums) {
  sum_half(columns, half, first, 1, sums);
}
static void sum_half_2(const ht_column* columns, const ht_depthwise_half* half, int32_t first, int32_t* sums) {
  sum_half(columns, half, first, 2, sums);
}

// The rows under the filters of an output row: where each begins and how far its columns lie apart. Outside of the input all
// columns are the padding.
typedef struct ht_rows {
  const int8_t* at[kSide];
  ptrdiff_t step[kSide];
} ht_rows;

static ht_rows find_rows(const ht_depthwise_params* p, const int8_t* image, int32_t oy) {
  ht_rows rows;
  for (int32_t ky = 0; ky < kSide; ++ky) {
    const int32_t y = oy * p->stride_height - p->pad_top + ky * p->dilation_height;
    const bool inside = y >= 0 && y < p->input_height;
    rows.at[ky] = inside ? image + (ptrdiff_t)y * p->input_width * p->input_stride : p->padding;
    rows.step[ky] = inside ? p->input_stride : 0;
  }
  return rows;
}

static void find_columns(const ht_depthwise_params* p, ht_rows rows, int32_t x, int32_t count, ht_column* columns) {
  const int32_t width = p->input_width;
  const int8_t* padding = p->padding;
  for (int32_t j = 0; j < count; ++j, ++x)
    for (int32_t ky = 0; ky < kSide; ++ky) columns[j].at[ky] = x >= 0 && x < width ? rows.at[ky] + x * rows.step[ky] : padding;
}

void ht_depthwise_run_dotprod(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue);
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const int32_t count = ht_block_channels(p), used = (kTile - 1) * p->stride_width + kSide;
  int32_t* sums = (int32_t*)a->scratch;
  ht_column columns[kColumns];
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const ht_rows rows = find_rows(p, image, row % p->output_height);
    for (int32_t ox = 0; ox < p->output_width; ox += kTile) {
      const int32_t valid = p->output_width - ox < kTile ? p->output_width - ox : kTile;
      const size_t at = ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride;
      const ht_depthwise_half* half = (const ht_depthwise_half*)p->packed;
      find_columns(p, rows, ox * p->stride_width - p->pad_left, used, columns);
      for (int32_t i = 0; i < 2 * ht_depthwise_blocks(p); ++i, ++half) {
        const int32_t first = ht_first_channel(p, i / 2), offset = half_offset(p, i % 2);
        (p->stride_width == 1 ? sum_half_1 : sum_half_2)(columns, half, first + offset, sums + offset);
        if (i % 2 == 1)
          ht_finish_block(&finisher, first, count, valid, sums, a->output, at + (size_t)first, (size_t)p->output_stride);
      }
    }
  }
}
