// SPDX-License-Identifier: Apache-2.0
// Sixteen channels by four pixels. Products of two taps fit into 16 bits together, unless a weight is -128; an odd number of taps
// is filled up by one whose weights are 0.
#include "kernels/arm/ht_conv_arm.h"
#include "kernels/arm/ht_depthwise_blocks.h"

// Registers hold the sums of four pixels, the epilogue takes eight at once.
enum { kPixels = 4, kTile = 8, kMostTaps = 121 };

// Where each tap of a pixel reads, and the padding once more behind them.
typedef struct ht_pixel_taps {
  const int8_t* at[kMostTaps + 1];
} ht_pixel_taps;

// What a block of channels begins with; weights [taps][16] follow.
typedef struct ht_depthwise_block {
  int32_t bias[HT_VECTOR];
  int32_t has_least[4];  // [0]: whether a weight is -128
} ht_depthwise_block;

static int32_t taps_of(const ht_depthwise_params* p) { return p->kernel_height * p->kernel_width; }
static int32_t padded_taps(const ht_depthwise_params* p) { return (taps_of(p) + 1) / 2 * 2; }
static size_t block_bytes(const ht_depthwise_params* p) {
  return sizeof(ht_depthwise_block) + (size_t)padded_taps(p) * HT_VECTOR;
}

bool ht_depthwise_accepts_neon(const ht_depthwise_params* p) { return p->channel_multiplier == 1 && taps_of(p) <= kMostTaps; }

size_t ht_depthwise_packed_neon(const ht_depthwise_params* p) { return (size_t)ht_depthwise_blocks(p) * block_bytes(p); }
size_t ht_depthwise_packed_scratch_neon(const ht_depthwise_params* p) {
  (void)p;
  return kTile * HT_VECTOR * sizeof(int32_t);
}

void ht_depthwise_pack_neon(const ht_depthwise_params* p, void* packed) {
  for (int32_t i = 0; i < ht_depthwise_blocks(p); ++i) {
    ht_depthwise_block* block = (ht_depthwise_block*)((char*)packed + (size_t)i * block_bytes(p));
    int8_t* weights = (int8_t*)(block + 1);
    block->has_least[0] = 0;
    for (int32_t lane = 0; lane < HT_VECTOR; ++lane) {
      const int32_t channel = ht_first_channel(p, i) + lane;
      const bool real = channel < p->input_channels;
      block->bias[lane] = real ? p->bias[channel] : 0;
      for (int32_t t = 0; t < padded_taps(p); ++t) {
        const int8_t w = real && t < taps_of(p) ? p->weights[(ptrdiff_t)t * p->input_channels + channel] : 0;
        weights[t * HT_VECTOR + lane] = w;
        if (w == INT8_MIN) block->has_least[0] = 1;
      }
    }
  }
}

static void find_taps(const ht_depthwise_params* p, const int8_t* image, int32_t oy, int32_t ox, const int8_t** taps) {
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t y = oy * p->stride_height - p->pad_top + ky * p->dilation_height;
    for (int32_t kx = 0; kx < p->kernel_width; ++kx) {
      const int32_t x = ox * p->stride_width - p->pad_left + kx * p->dilation_width;
      const bool inside = y >= 0 && y < p->input_height && x >= 0 && x < p->input_width;
      *taps++ = inside ? image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride : p->padding;
    }
  }
  *taps = p->padding;
}

// How far each tap moves from one pixel to the next where both lie inside along x.
static void find_steps(const ht_depthwise_params* p, int32_t oy, ptrdiff_t* steps) {
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t y = oy * p->stride_height - p->pad_top + ky * p->dilation_height;
    const bool inside = y >= 0 && y < p->input_height;
    for (int32_t kx = 0; kx < p->kernel_width; ++kx) *steps++ = inside ? (ptrdiff_t)p->stride_width * p->input_stride : 0;
  }
  *steps = 0;
}

static void move_taps(const int8_t* const* HT_RESTRICT before, const ptrdiff_t* HT_RESTRICT steps, int32_t count,
                      const int8_t** HT_RESTRICT taps) {
  for (int32_t t = 0; t < count; ++t) taps[t] = before[t] + steps[t];
}

// The output pixels of a row whose taps all lie inside along x.
typedef struct ht_inside {
  int32_t first, last;
} ht_inside;

static ht_inside find_inside(const ht_depthwise_params* p) {
  const int32_t room = p->input_width - 1 - (p->kernel_width - 1) * p->dilation_width + p->pad_left;
  const ht_inside inside = {(p->pad_left + p->stride_width - 1) / p->stride_width, room < 0 ? -1 : room / p->stride_width};
  return inside;
}

// Adds products of eight channels to their sums in two registers.
#define HT_ADD_WIDE(s, t, products)         \
  s = vaddw_s16(s, vget_low_s16(products)); \
  t = vaddw_high_s16(t, products);

// Sixteen channels, or the only `count`, by four pixels. Inlined for constants.
static inline __attribute__((always_inline)) void sum_block(const ht_pixel_taps* taps, int32_t number,
                                                            const ht_depthwise_block* block, int32_t first, int32_t count,
                                                            bool has_least, int32_t* sums) {
  const int8_t* w = (const int8_t*)(block + 1);
#define HT_EACH_PIXEL(X) X(0) X(1) X(2) X(3)
#define HT_START(r)                                                                                              \
  int32x4_t a##r = vld1q_s32(block->bias), b##r = vld1q_s32(block->bias + 4), c##r = vld1q_s32(block->bias + 8), \
            d##r = vld1q_s32(block->bias + 12);
  HT_EACH_PIXEL(HT_START)
  for (int32_t t = 0; t < number; t += 2, w += 2 * HT_VECTOR) {
    const int8x16_t w0 = vld1q_s8(w), w1 = vld1q_s8(w + HT_VECTOR);
#define HT_STEP(r)                                                                                                          \
  {                                                                                                                         \
    const int8x16_t x0 = ht_load_bytes(taps[r].at[t] + first, count), x1 = ht_load_bytes(taps[r].at[t + 1] + first, count); \
    int16x8_t low = vmull_s8(vget_low_s8(x0), vget_low_s8(w0)), high = vmull_high_s8(x0, w0);                               \
    if (has_least) {                                                                                                        \
      HT_ADD_WIDE(a##r, b##r, low)                                                                                          \
      HT_ADD_WIDE(c##r, d##r, high)                                                                                         \
      low = vmull_s8(vget_low_s8(x1), vget_low_s8(w1));                                                                     \
      high = vmull_high_s8(x1, w1);                                                                                         \
    } else {                                                                                                                \
      low = vmlal_s8(low, vget_low_s8(x1), vget_low_s8(w1));                                                                \
      high = vmlal_high_s8(high, x1, w1);                                                                                   \
    }                                                                                                                       \
    HT_ADD_WIDE(a##r, b##r, low)                                                                                            \
    HT_ADD_WIDE(c##r, d##r, high)                                                                                           \
  }
    HT_EACH_PIXEL(HT_STEP)
  }
#define HT_STORE(r)                          \
  vst1q_s32(sums + r * HT_VECTOR, a##r);     \
  vst1q_s32(sums + r * HT_VECTOR + 4, b##r); \
  vst1q_s32(sums + r * HT_VECTOR + 8, c##r); \
  vst1q_s32(sums + r * HT_VECTOR + 12, d##r);
  HT_EACH_PIXEL(HT_STORE)
}

static void sum_pixels(const ht_pixel_taps* taps, int32_t number, const ht_depthwise_block* block, int32_t first, int32_t count,
                       int32_t* sums) {
  if (count < HT_VECTOR) {
    sum_block(taps, number, block, first, count, true, sums);
  } else if (block->has_least[0]) {
    sum_block(taps, number, block, first, HT_VECTOR, true, sums);
  } else {
    sum_block(taps, number, block, first, HT_VECTOR, false, sums);
  }
}

static void finish_tile(const ht_depthwise_params* p, const ht_finisher* finisher, const ht_pixel_taps* taps, int32_t valid,
                        int32_t* sums, void* output, size_t at) {
  const int32_t count = ht_block_channels(p);
  for (int32_t i = 0; i < ht_depthwise_blocks(p); ++i) {
    const ht_depthwise_block* block = (const ht_depthwise_block*)((const char*)p->packed + (size_t)i * block_bytes(p));
    const int32_t first = ht_first_channel(p, i);
    for (int32_t r = 0; r < valid; r += kPixels) sum_pixels(taps + r, padded_taps(p), block, first, count, sums + r * HT_VECTOR);
    ht_finish_block(finisher, first, count, valid, sums, output, at + (size_t)first, (size_t)p->output_stride);
  }
}

void ht_depthwise_run_neon(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue);
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const ht_inside inside = find_inside(p);
  ht_pixel_taps taps[kTile];
  ptrdiff_t steps[kMostTaps + 1];
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    const int32_t oy = row % p->output_height;
    find_steps(p, oy, steps);
    for (int32_t ox = 0; ox < p->output_width; ox += kTile) {
      const int32_t valid = p->output_width - ox < kTile ? p->output_width - ox : kTile;
      for (int32_t r = 0; r < valid; ++r) {
        if (ox + r > inside.first && ox + r <= inside.last) {
          move_taps(taps[r > 0 ? r - 1 : kTile - 1].at, steps, padded_taps(p), taps[r].at);
        } else {
          find_taps(p, image, oy, ox + r, taps[r].at);
        }
      }
      for (int32_t r = valid; r % kPixels != 0; ++r) taps[r] = taps[valid - 1];
      finish_tile(p, &finisher, taps, valid, (int32_t*)a->scratch, a->output,
                  ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride);
    }
  }
}
