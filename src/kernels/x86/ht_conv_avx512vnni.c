// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "kernels/x86/ht_conv_avx512.h"
#include "kernels/x86/ht_conv_x86.h"

// vpdpbusd multiplies unsigned by signed bytes, so activations enter as q + 128.
// Registers hold the sums of eight pixels. The epilogue takes up to thirty-two at once, because it loads its tables anew each
// time; of deep patches, whose sums take longer, only eight, which stay in the nearest cache.
enum { kRegisterPixels = 8, kPixels = 32, kDeep = 512 };

static size_t padded_depth(const ht_conv_params* p) { return (ht_patch_depth(p) + 3) / 4 * 4; }

static int32_t tile_pixels(const ht_conv_params* p) { return padded_depth(p) <= kDeep ? kPixels : kRegisterPixels; }

size_t ht_conv_packed_avx512vnni(const ht_conv_params* p) {
  return (size_t)(p->groups * ht_channel_blocks(p)) * ht_block_bytes(padded_depth(p));
}

size_t ht_conv_packed_scratch_avx512vnni(const ht_conv_params* p) {
  return 2 * kPixels * HT_VECTOR * sizeof(int32_t) + (size_t)tile_pixels(p) * padded_depth(p) + 64;
}

void ht_conv_pack_avx512vnni(const ht_conv_params* p, void* packed) { ht_pack_blocks(p, padded_depth(p), 128, (char*)packed); }

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

static void convolve_tile(const ht_conv_params* p, const ht_finisher* f, int32_t group, const uint8_t* patches, int32_t valid,
                          int32_t* sums, void* output, size_t at) {
  const size_t pitch = padded_depth(p), bytes = ht_block_bytes(padded_depth(p));
  const int32_t outputs = ht_group_outputs(p), count = ht_channel_blocks(p);
  const char* packed = (const char*)p->packed + (size_t)group * (size_t)count * bytes;
  for (int32_t block = 0; block < count;) {
    const int32_t pair = block + 2 <= count ? 2 : 1;
    for (int32_t r = 0; r < valid; r += kRegisterPixels) {
      const uint8_t* from = patches + (size_t)r * pitch;
      if (pair == 2) {
        multiply_2(from, pitch, packed + (size_t)block * bytes, bytes, sums + r * HT_VECTOR);
      } else {
        multiply_1(from, pitch, packed + (size_t)block * bytes, sums + r * HT_VECTOR);
      }
    }
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
  const int32_t tile = tile_pixels(p);
  int32_t* sums = (int32_t*)a->scratch;
  uint8_t* patches = (uint8_t*)(sums + 2 * kPixels * HT_VECTOR);
  memset(patches, 0, (size_t)tile * pitch);  // beyond a patch's depth any bytes do, the weights there being 0
  const int32_t last = end * p->output_width;
  for (int32_t pixel = begin * p->output_width; pixel < last; pixel += tile) {
    const int32_t valid = last - pixel < tile ? last - pixel : tile;
    for (int32_t group = 0; group < p->groups; ++group) {
      ht_gather_pixels(p, (const int8_t*)a->inputs[0], pixel, valid, group * ht_group_inputs(p), pitch, _mm512_set1_epi8(-128),
                       (int8_t*)patches);
      convolve_tile(p, &finisher, group, patches, valid, sums, a->output, (size_t)pixel * (size_t)p->output_stride);
    }
  }
}
