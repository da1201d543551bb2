// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "kernels/x86/ht_conv_avx512.h"
#include "kernels/x86/ht_conv_x86.h"

// vpdpbusd multiplies unsigned by signed bytes, so activations enter as q + 128.
// Registers hold the sums of eight pixels. The epilogue takes thirty-two at once, because it loads its tables anew each time, and blocks
// of weights too large for the nearest cache are read once for all of them.
enum { kRegisterPixels = 8, kPixels = 32 };

static size_t padded_depth(const ht_conv_params* p) { return (ht_patch_depth(p) + 3) / 4 * 4; }

size_t ht_conv_packed_avx512vnni(const ht_conv_params* p) {
  return (size_t)(p->groups * ht_channel_blocks(p)) * ht_block_bytes(padded_depth(p));
}

size_t ht_conv_packed_scratch_avx512vnni(const ht_conv_params* p) {
  return 2 * kPixels * HT_VECTOR * sizeof(int32_t) + kPixels * padded_depth(p) + 64;
}

void ht_conv_pack_avx512vnni(const ht_conv_params* p, void* packed) { ht_pack_blocks(p, padded_depth(p), 128, (char*)packed); }

#define HT_EACH_1(X) X(0)
#define HT_EACH_4(X) X(0) X(1) X(2) X(3)
#define HT_EACH_8(X) HT_EACH_4(X) X(4) X(5) X(6) X(7)

static inline __m512i broadcast(const uint8_t* from) {
  int32_t four;
  __builtin_memcpy(&four, from, sizeof(four));
  return _mm512_set1_epi32(four);
}

#define HT_START_1(r) __m512i a##r = _mm512_loadu_si512(block);
#define HT_STEP_1(r) a##r = _mm512_dpbusd_epi32(a##r, broadcast(patches + r * pitch + k), w0);
#define HT_STORE_1(r) _mm512_storeu_si512(sums + r * HT_VECTOR, a##r);

#define HT_START_2(r) __m512i a##r = _mm512_loadu_si512(block), b##r = _mm512_loadu_si512(block + bytes);
#define HT_STEP_2(r)                                      \
  {                                                       \
    const __m512i x = broadcast(patches + r * pitch + k); \
    a##r = _mm512_dpbusd_epi32(a##r, x, w0);              \
    b##r = _mm512_dpbusd_epi32(b##r, x, w1);              \
  }
#define HT_STORE_2(r)                              \
  _mm512_storeu_si512(sums + r * HT_VECTOR, a##r); \
  _mm512_storeu_si512(sums + (kPixels + r) * HT_VECTOR, b##r);

// multiply_1_PIXELS: pixels by sixteen channels; the sums of pixel r go to sums + r * HT_VECTOR. multiply_2_PIXELS: by two adjacent
// blocks; the second block's sums follow the tile's of the first.
#define HT_MULTIPLY(pixels)                                                                                                     \
  static void multiply_1_##pixels(const uint8_t* patches, size_t pitch, const char* block, int32_t* sums) {                     \
    const char* w = block + HT_VECTOR * sizeof(int32_t);                                                                        \
    HT_EACH_##pixels(HT_START_1) for (size_t k = 0; k < pitch; k += 4, w += 64) {                                               \
      const __m512i w0 = _mm512_loadu_si512(w);                                                                                 \
      HT_EACH_##pixels(HT_STEP_1)                                                                                               \
    }                                                                                                                           \
    HT_EACH_##pixels(HT_STORE_1)                                                                                                \
  }                                                                                                                             \
  static void multiply_2_##pixels(const uint8_t* patches, size_t pitch, const char* block, size_t bytes, int32_t* sums) {       \
    const char* w = block + HT_VECTOR * sizeof(int32_t);                                                                        \
    HT_EACH_##pixels(HT_START_2) for (size_t k = 0; k < pitch; k += 4, w += 64) {                                               \
      const __m512i w0 = _mm512_loadu_si512(w), w1 = _mm512_loadu_si512(w + bytes);                                             \
      HT_EACH_##pixels(HT_STEP_2)                                                                                               \
    }                                                                                                                           \
    HT_EACH_##pixels(HT_STORE_2)                                                                                                \
  }
HT_MULTIPLY(1)
HT_MULTIPLY(4)
HT_MULTIPLY(8)

// `count` pixels, at most eight, by one block or two.
static void multiply(const uint8_t* patches, size_t pitch, const char* block, size_t bytes, bool two, int32_t count, int32_t* sums) {
  if (two) {
    (count > 4 ? multiply_2_8 : count > 1 ? multiply_2_4 : multiply_2_1)(patches, pitch, block, bytes, sums);
  } else {
    (count > 4 ? multiply_1_8 : count > 1 ? multiply_1_4 : multiply_1_1)(patches, pitch, block, sums);
  }
}

static void convolve_tile(const ht_conv_params* p, const ht_finisher* f, int32_t group, const uint8_t* patches, int32_t valid,
                          int32_t* sums, void* output, size_t at) {
  const size_t pitch = padded_depth(p), bytes = ht_block_bytes(padded_depth(p));
  const int32_t outputs = ht_group_outputs(p), count = ht_channel_blocks(p);
  const char* packed = (const char*)p->packed + (size_t)group * (size_t)count * bytes;
  for (int32_t block = 0; block < count;) {
    const int32_t pair = block + 2 <= count ? 2 : 1;
    for (int32_t r = 0; r < valid; r += kRegisterPixels)
      multiply(patches + (size_t)r * pitch, pitch, packed + (size_t)block * bytes, bytes, pair == 2, valid - r, sums + r * HT_VECTOR);
    for (int32_t i = 0; i < pair; ++i, ++block) {
      const int32_t first = block * HT_VECTOR;
      const int32_t channels = outputs - first < HT_VECTOR ? outputs - first : HT_VECTOR;
      ht_finish_block(f, group * outputs + first, channels, valid, sums + i * kPixels * HT_VECTOR, output,
                      at + (size_t)(group * outputs + first), (size_t)p->output_stride);
    }
  }
}

// The output's pixels in memory's order, whatever row they are in.
void ht_conv_run_avx512vnni(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue, p->output_channels);
  const size_t pitch = padded_depth(p);
  int32_t* sums = (int32_t*)a->scratch;
  uint8_t* patches = (uint8_t*)(sums + 2 * kPixels * HT_VECTOR);
  memset(patches, 0, kPixels * pitch);  // beyond a patch's depth any bytes do, the weights there being 0
  const int32_t last = end * p->output_width;
  for (int32_t pixel = begin * p->output_width; pixel < last; pixel += kPixels) {
    const int32_t valid = last - pixel < kPixels ? last - pixel : kPixels;
    for (int32_t group = 0; group < p->groups; ++group) {
      ht_gather_pixels(p, (const int8_t*)a->inputs[0], pixel, valid, group * ht_group_inputs(p), pitch, _mm512_set1_epi8(-128),
                       (int8_t*)patches);
      convolve_tile(p, &finisher, group, patches, valid, sums, a->output, (size_t)pixel * (size_t)p->output_stride);
    }
  }
}
