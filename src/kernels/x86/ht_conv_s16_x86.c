// SPDX-License-Identifier: Apache-2.0
// Compiled for AVX2 and for AVX-512 VNNI; the functions' suffix tells them apart.
#include "kernels/x86/ht_conv_x86.h"

#include <immintrin.h>
#include <string.h>

#include "kernels/c/ht_patch.h"

// Pairs of 16-bit inputs are multiplied with pairs of widened weights, exactly, and 32 bits hold the sum of a run of products.
// Packed: for every group and block of output channels [depth / 2][channels][2] weights, zeros beyond.
enum { kPixels = 6, kRun = 256 };

#if defined(__AVX512VNNI__)
enum { kLanes = 16 };
typedef __m512i sums32;
#define ZERO _mm512_setzero_si512()
#define ADD_PAIRS(sum, x, w) _mm512_dpwssd_epi32(sum, x, w)
#define BROADCAST(two) _mm512_set1_epi32(two)
#define LOAD_WEIGHTS(from) _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)(from)))
#else
enum { kLanes = 8 };
typedef __m256i sums32;
#define ZERO _mm256_setzero_si256()
#define ADD_PAIRS(sum, x, w) _mm256_add_epi32(sum, _mm256_madd_epi16(x, w))
#define BROADCAST(two) _mm256_set1_epi32(two)
#define LOAD_WEIGHTS(from) _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)(from)))
#endif

static int32_t group_outputs(const ht_conv_params* p) { return p->output_channels / p->groups; }
static int32_t blocks(const ht_conv_params* p) { return (group_outputs(p) + kLanes - 1) / kLanes; }
static size_t padded_depth(const ht_conv_params* p) { return (ht_patch_depth(p) + 1) / 2 * 2; }
static size_t block_bytes(const ht_conv_params* p) { return padded_depth(p) * kLanes; }
static size_t row_sums(const ht_conv_params* p) { return (size_t)blocks(p) * kLanes; }  // of a pixel and a group

size_t HT_FN(ht_conv_s16_packed)(const ht_conv_s16_params* p) {
  return (size_t)p->conv.groups * (size_t)blocks(&p->conv) * block_bytes(&p->conv);
}

size_t HT_FN(ht_conv_s16_packed_scratch)(const ht_conv_s16_params* p) {
  return kPixels * (row_sums(&p->conv) * sizeof(int64_t) + padded_depth(&p->conv) * sizeof(int16_t));
}

void HT_FN(ht_conv_s16_pack)(const ht_conv_s16_params* s16, void* packed) {
  const ht_conv_params* p = &s16->conv;
  const size_t depth = ht_patch_depth(p), bytes = block_bytes(p);
  memset(packed, 0, HT_FN(ht_conv_s16_packed)(s16));
  for (int32_t o = 0; o < p->output_channels; ++o) {
    const int32_t group = o / group_outputs(p), within = o % group_outputs(p);
    int8_t* block = (int8_t*)packed + (size_t)(group * blocks(p) + within / kLanes) * bytes;
    for (size_t k = 0; k < depth; ++k) block[(k / 2 * kLanes + (size_t)(within % kLanes)) * 2 + k % 2] = p->weights[(size_t)o * depth + k];
  }
}

#define EACH_PIXEL(X) X(0) X(1) X(2) X(3) X(4) X(5)

static inline sums32 broadcast(const int16_t* from) {
  int32_t two;
  memcpy(&two, from, sizeof(two));
  return BROADCAST(two);
}

// Adds a vector of sums to as many of 64 bits.
static inline void add_wide(sums32 sums, int64_t* to) {
#if defined(__AVX512VNNI__)
  const __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(sums)), high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sums, 1));
  _mm512_storeu_si512(to, _mm512_add_epi64(_mm512_loadu_si512(to), low));
  _mm512_storeu_si512(to + 8, _mm512_add_epi64(_mm512_loadu_si512(to + 8), high));
#else
  __m256i* out = (__m256i*)to;
  const __m256i low = _mm256_cvtepi32_epi64(_mm256_castsi256_si128(sums)), high = _mm256_cvtepi32_epi64(_mm256_extracti128_si256(sums, 1));
  _mm256_storeu_si256(out, _mm256_add_epi64(_mm256_loadu_si256(out), low));
  _mm256_storeu_si256(out + 1, _mm256_add_epi64(_mm256_loadu_si256(out + 1), high));
#endif
}

// A run of six pixels by one block or by two adjacent ones; pixel r adds to sums + r * row.
static void multiply_1(const int16_t* patches, size_t pitch, size_t count, const int8_t* w, int64_t* sums, size_t row) {
#define START(r) sums32 a##r = ZERO;
  EACH_PIXEL(START)
#undef START
  for (size_t k = 0; k < count; k += 2, w += 2 * kLanes) {
    const sums32 w0 = LOAD_WEIGHTS(w);
#define STEP(r) a##r = ADD_PAIRS(a##r, broadcast(patches + r * pitch + k), w0);
    EACH_PIXEL(STEP)
#undef STEP
  }
#define STORE(r) add_wide(a##r, sums + r * row);
  EACH_PIXEL(STORE)
#undef STORE
}

static void multiply_2(const int16_t* patches, size_t pitch, size_t count, const int8_t* w, size_t bytes, int64_t* sums, size_t row) {
#define START(r) sums32 a##r = ZERO, b##r = ZERO;
  EACH_PIXEL(START)
#undef START
  for (size_t k = 0; k < count; k += 2, w += 2 * kLanes) {
    const sums32 w0 = LOAD_WEIGHTS(w), w1 = LOAD_WEIGHTS(w + bytes);
#define STEP(r)                                            \
  {                                                        \
    const sums32 x = broadcast(patches + r * pitch + k);   \
    a##r = ADD_PAIRS(a##r, x, w0), b##r = ADD_PAIRS(b##r, x, w1); \
  }
    EACH_PIXEL(STEP)
#undef STEP
  }
#define STORE(r) add_wide(a##r, sums + r * row), add_wide(b##r, sums + r * row + kLanes);
  EACH_PIXEL(STORE)
#undef STORE
}

static void multiply(const ht_conv_s16_params* s16, int32_t group, const int16_t* patches, int64_t* sums) {
  const ht_conv_params* p = &s16->conv;
  const size_t pitch = padded_depth(p), bytes = block_bytes(p), row = row_sums(p);
  const int32_t outputs = group_outputs(p), count = blocks(p);
  const int8_t* packed = (const int8_t*)s16->packed + (size_t)group * (size_t)count * bytes;
  for (int32_t r = 0; r < kPixels; ++r) memcpy(sums + (size_t)r * row, s16->bias + group * outputs, (size_t)outputs * sizeof(int64_t));
  for (int32_t block = 0; block < count; block += 2)
    for (size_t k = 0; k < pitch; k += kRun) {
      const size_t some = pitch - k < kRun ? pitch - k : kRun;
      const int8_t* weights = packed + (size_t)block * bytes + k * kLanes;
      if (block + 2 <= count) {
        multiply_2(patches + k, pitch, some, weights, bytes, sums + block * kLanes, row);
      } else {
        multiply_1(patches + k, pitch, some, weights, sums + block * kLanes, row);
      }
    }
}

void HT_FN(ht_conv_s16_run)(const ht_conv_s16_params* s16, const ht_arguments* a, int32_t begin, int32_t end) {
  const ht_conv_params* p = &s16->conv;
  const ht_convolution patch = {sizeof(int16_t), s16->padding, sizeof(int64_t), NULL, NULL};  // for gathering alone
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const size_t pitch = padded_depth(p), row_size = row_sums(p);
  const int32_t outputs = group_outputs(p), inputs = p->input_channels / p->groups;
  int64_t* sums = (int64_t*)a->scratch;
  int16_t* patches = (int16_t*)(sums + kPixels * row_size);
  memset(sums, 0, kPixels * row_size * sizeof(int64_t));
  memset(patches, 0, kPixels * pitch * sizeof(int16_t));
  for (int32_t row = begin; row < end; ++row) {
    const int16_t* image = (const int16_t*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    for (int32_t ox = 0; ox < p->output_width; ox += kPixels) {
      const int32_t valid = p->output_width - ox < kPixels ? p->output_width - ox : kPixels;
      const size_t at = ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride;
      for (int32_t group = 0; group < p->groups; ++group) {
        for (int32_t r = 0; r < valid; ++r)  // what a short tile has too much is left from before
          ht_gather_patch(p, &patch, (const char*)image, row % p->output_height, ox + r, group * inputs, patches + (size_t)r * pitch);
        multiply(s16, group, patches, sums);
        for (int32_t r = 0; r < valid; ++r)
          ht_finish_s16(&p->epilogue, &s16->output, group * outputs, outputs, sums + (size_t)r * row_size, a->output,
                        at + (size_t)r * (size_t)p->output_stride + (size_t)(group * outputs));
      }
    }
  }
}
