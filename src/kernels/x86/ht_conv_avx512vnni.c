// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/ht_conv_x86.h"

#include "kernels/x86/ht_finish_avx512.h"

// vpdpbusd multiplies unsigned by signed bytes, so activations enter as q + 128 and the bias takes 128 * sum of weights back.
// Packed: for every group and block of 16 output channels the 16 biases, then [depth / 4][16 channels][4] weights, zeros beyond.
enum { kPixels = 8 };

static int32_t group_inputs(const ht_conv_params* p) { return p->input_channels / p->groups; }
static int32_t group_outputs(const ht_conv_params* p) { return p->output_channels / p->groups; }
static int32_t blocks(const ht_conv_params* p) { return (group_outputs(p) + HT_VECTOR - 1) / HT_VECTOR; }
static size_t depth_of(const ht_conv_params* p) {
  return (size_t)p->kernel_height * (size_t)p->kernel_width * (size_t)group_inputs(p);
}
static size_t padded_depth(const ht_conv_params* p) { return (depth_of(p) + 3) / 4 * 4; }
static size_t block_bytes(const ht_conv_params* p) { return HT_VECTOR * sizeof(int32_t) + padded_depth(p) * HT_VECTOR; }

size_t ht_conv_packed_avx512vnni(const ht_conv_params* p) { return (size_t)p->groups * (size_t)blocks(p) * block_bytes(p); }

size_t ht_conv_packed_scratch_avx512vnni(const ht_conv_params* p) {
  return (size_t)kPixels * padded_depth(p) + 2 * kPixels * HT_VECTOR * sizeof(int32_t) + 64;
}

void ht_conv_pack_avx512vnni(const ht_conv_params* p, void* packed) {
  const size_t depth = depth_of(p);
  for (int32_t block = 0; block < p->groups * blocks(p); ++block) {
    char* base = (char*)packed + (size_t)block * block_bytes(p);
    int32_t* bias = (int32_t*)base;
    int8_t* weights = (int8_t*)(base + HT_VECTOR * sizeof(int32_t));
    for (int32_t lane = 0; lane < HT_VECTOR; ++lane) {
      const int32_t within = block % blocks(p) * HT_VECTOR + lane;
      const bool real = within < group_outputs(p);
      const int32_t output = block / blocks(p) * group_outputs(p) + within;
      int32_t sum = 0;
      for (size_t k = 0; k < padded_depth(p); ++k) {
        const int8_t w = real && k < depth ? p->weights[(size_t)output * depth + k] : 0;
        weights[(k / 4 * HT_VECTOR + (size_t)lane) * 4 + k % 4] = w;
        sum += w;
      }
      bias[lane] = real ? p->bias[output] - 128 * sum : 0;
    }
  }
}

static void offset_bytes(const int8_t* from, size_t count, uint8_t* to) {
  const __m512i flip = _mm512_set1_epi8(-128);
  size_t i = 0;
  for (; i + 64 <= count; i += 64) _mm512_storeu_si512(to + i, _mm512_xor_si512(_mm512_loadu_si512(from + i), flip));
  if (i < count) {
    const __mmask64 mask = ~(__mmask64)0 >> (64 - (count - i));
    _mm512_mask_storeu_epi8(to + i, mask, _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, from + i), flip));
  }
}

static void gather_patch(const ht_conv_params* p, const int8_t* image, int32_t oy, int32_t ox, int32_t first_channel,
                         uint8_t* patch) {
  const int32_t channels = group_inputs(p);
  const int32_t y = oy * p->stride_height - p->pad_top;
  const int32_t x = ox * p->stride_width - p->pad_left;
  const bool adjacent = p->dilation_width == 1 && channels == p->input_stride && x >= 0 && x + p->kernel_width <= p->input_width;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t iy = y + ky * p->dilation_height;
    const bool row_inside = iy >= 0 && iy < p->input_height;
    if (row_inside && adjacent) {
      const size_t bytes = (size_t)(p->kernel_width * channels);
      offset_bytes(image + ((ptrdiff_t)iy * p->input_width + x) * channels, bytes, patch);
      patch += bytes;
      continue;
    }
    for (int32_t kx = 0; kx < p->kernel_width; ++kx, patch += channels) {
      const int32_t ix = x + kx * p->dilation_width;
      const bool inside = row_inside && ix >= 0 && ix < p->input_width;
      const int8_t* from = inside ? image + ((ptrdiff_t)iy * p->input_width + ix) * p->input_stride : p->padding;
      offset_bytes(from + first_channel, (size_t)channels, patch);
    }
  }
}

#define HT_EACH_PIXEL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)

static inline __m512i broadcast(const uint8_t* from) {
  int32_t four;
  __builtin_memcpy(&four, from, sizeof(four));
  return _mm512_set1_epi32(four);
}

// Eight pixels by sixteen channels; the sums of pixel r go to sums + r * HT_VECTOR.
static void multiply_1(const uint8_t* patches, size_t pitch, const char* block, int32_t* sums) {
  const char* w = block + HT_VECTOR * sizeof(int32_t);
#define HT_START(r) __m512i a##r = _mm512_loadu_si512(block);
  HT_EACH_PIXEL(HT_START)
#undef HT_START
  for (size_t k = 0; k < pitch; k += 4, w += 64) {
    const __m512i w0 = _mm512_loadu_si512(w);
#define HT_STEP(r) a##r = _mm512_dpbusd_epi32(a##r, broadcast(patches + r * pitch + k), w0);
    HT_EACH_PIXEL(HT_STEP)
#undef HT_STEP
  }
#define HT_STORE(r) _mm512_storeu_si512(sums + r * HT_VECTOR, a##r);
  HT_EACH_PIXEL(HT_STORE)
#undef HT_STORE
}

// Eight pixels by two adjacent blocks; the second block's sums follow the first's.
static void multiply_2(const uint8_t* patches, size_t pitch, const char* block, size_t bytes, int32_t* sums) {
  const char* w = block + HT_VECTOR * sizeof(int32_t);
#define HT_START(r) __m512i a##r = _mm512_loadu_si512(block), b##r = _mm512_loadu_si512(block + bytes);
  HT_EACH_PIXEL(HT_START)
#undef HT_START
  for (size_t k = 0; k < pitch; k += 4, w += 64) {
    const __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + bytes);
#define HT_STEP(r)                                        \
  {                                                       \
    const __m512i x = broadcast(patches + r * pitch + k); \
    a##r = _mm512_dpbusd_epi32(a##r, x, w0);              \
    b##r = _mm512_dpbusd_epi32(b##r, x, w1);              \
  }
    HT_EACH_PIXEL(HT_STEP)
#undef HT_STEP
  }
#define HT_STORE(r)                                \
  _mm512_storeu_si512(sums + r * HT_VECTOR, a##r); \
  _mm512_storeu_si512(sums + (kPixels + r) * HT_VECTOR, b##r);
  HT_EACH_PIXEL(HT_STORE)
#undef HT_STORE
}

static void convolve_tile(const ht_conv_params* p, const ht_finisher* f, int32_t group, const uint8_t* patches, int32_t valid, int32_t* sums,
                          void* output, size_t at) {
  const size_t pitch = padded_depth(p), bytes = block_bytes(p);
  const int32_t outputs = group_outputs(p), count = blocks(p);
  const char* packed = (const char*)p->packed + (size_t)group * (size_t)count * bytes;
  for (int32_t block = 0; block < count;) {
    const int32_t pair = block + 2 <= count ? 2 : 1;
    if (pair == 2) {
      multiply_2(patches, pitch, packed + (size_t)block * bytes, bytes, sums);
    } else {
      multiply_1(patches, pitch, packed + (size_t)block * bytes, sums);
    }
    for (int32_t i = 0; i < pair; ++i, ++block) {
      const int32_t first = block * HT_VECTOR;
      const int32_t channels = outputs - first < HT_VECTOR ? outputs - first : HT_VECTOR;
      ht_finish_block(f, group * outputs + first, channels, valid, sums + i * kPixels * HT_VECTOR, output,
                      at + (size_t)(group * outputs + first), (size_t)p->output_stride);
    }
  }
}

void ht_conv_run_avx512vnni(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue, p->output_channels);
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const size_t pitch = padded_depth(p);
  int32_t* sums = (int32_t*)a->scratch;
  uint8_t* patches = (uint8_t*)(sums + 2 * kPixels * HT_VECTOR);
  for (int32_t r = 0; r < kPixels; ++r)
    for (size_t k = depth_of(p); k < pitch; ++k) patches[(size_t)r * pitch + k] = 0;
  for (int32_t row = begin; row < end; ++row) {
    const int8_t* image = (const int8_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    for (int32_t ox = 0; ox < p->output_width; ox += kPixels) {
      const int32_t valid = p->output_width - ox < kPixels ? p->output_width - ox : kPixels;
      for (int32_t group = 0; group < p->groups; ++group) {
        for (int32_t r = 0; r < kPixels; ++r)  // a short tile repeats its last pixel
          gather_patch(p, image, row % p->output_height, ox + (r < valid ? r : valid - 1), group * group_inputs(p),
                       patches + (size_t)r * pitch);
        convolve_tile(p, &finisher, group, patches, valid, sums, a->output,
                      ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride);
      }
    }
  }
}
