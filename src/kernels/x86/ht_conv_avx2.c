// SPDX-License-Identifier: Apache-2.0
#include "kernels/x86/ht_conv_x86.h"

#include "kernels/x86/ht_finish_avx2.h"

// vpmaddwd multiplies and adds pairs of 16-bit numbers exactly (vpmaddubsw would saturate), so patches are widened once and weights
// as they are read. Packed: for every group and block of 8 output channels the 8 biases, then [depth / 2][8 channels][2] weights,
// zeros beyond.
enum { kPixels = 6 };

static int32_t group_inputs(const ht_conv_params* p) { return p->input_channels / p->groups; }
static int32_t group_outputs(const ht_conv_params* p) { return p->output_channels / p->groups; }
static int32_t blocks(const ht_conv_params* p) { return (group_outputs(p) + HT_VECTOR - 1) / HT_VECTOR; }
static size_t depth_of(const ht_conv_params* p) {
  return (size_t)p->kernel_height * (size_t)p->kernel_width * (size_t)group_inputs(p);
}
static size_t padded_depth(const ht_conv_params* p) { return (depth_of(p) + 1) / 2 * 2; }
static size_t block_bytes(const ht_conv_params* p) { return HT_VECTOR * sizeof(int32_t) + padded_depth(p) * HT_VECTOR; }

size_t ht_conv_packed_avx2(const ht_conv_params* p) { return (size_t)p->groups * (size_t)blocks(p) * block_bytes(p); }

size_t ht_conv_packed_scratch_avx2(const ht_conv_params* p) {
  return 2 * kPixels * HT_VECTOR * sizeof(int32_t) + kPixels * padded_depth(p) * sizeof(int16_t);
}

void ht_conv_pack_avx2(const ht_conv_params* p, void* packed) {
  const size_t depth = depth_of(p);
  for (int32_t block = 0; block < p->groups * blocks(p); ++block) {
    char* base = (char*)packed + (size_t)block * block_bytes(p);
    int32_t* bias = (int32_t*)base;
    int8_t* weights = (int8_t*)(base + HT_VECTOR * sizeof(int32_t));
    for (int32_t lane = 0; lane < HT_VECTOR; ++lane) {
      const int32_t within = block % blocks(p) * HT_VECTOR + lane;
      const bool real = within < group_outputs(p);
      const int32_t output = block / blocks(p) * group_outputs(p) + within;
      const int8_t* from = p->weights + (real ? (size_t)output * depth : 0);
      int8_t* to = weights + (size_t)lane * 2;
      for (size_t k = 0; k < padded_depth(p); k += 2, to += 2 * HT_VECTOR) {
        to[0] = real ? from[k] : 0;
        to[1] = real && k + 1 < depth ? from[k + 1] : 0;
      }
      bias[lane] = real ? p->bias[output] : 0;
    }
  }
}

static void widen(const int8_t* from, int32_t count, int16_t* to) {
  int32_t i = 0;
  for (; i + 16 <= count; i += 16)
    _mm256_storeu_si256((__m256i*)(to + i), _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)(from + i))));
  for (; i < count; ++i) to[i] = from[i];
}

static void gather_patch(const ht_conv_params* p, const int8_t* image, int32_t oy, int32_t ox, int32_t first_channel,
                         int16_t* patch) {
  const int32_t channels = group_inputs(p);
  const int32_t y = oy * p->stride_height - p->pad_top;
  const int32_t x = ox * p->stride_width - p->pad_left;
  const bool adjacent = p->dilation_width == 1 && channels == p->input_stride && x >= 0 && x + p->kernel_width <= p->input_width;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t iy = y + ky * p->dilation_height;
    const bool row_inside = iy >= 0 && iy < p->input_height;
    if (row_inside && adjacent) {
      widen(image + ((ptrdiff_t)iy * p->input_width + x) * channels, p->kernel_width * channels, patch);
      patch += p->kernel_width * channels;
      continue;
    }
    for (int32_t kx = 0; kx < p->kernel_width; ++kx, patch += channels) {
      const int32_t ix = x + kx * p->dilation_width;
      const bool inside = row_inside && ix >= 0 && ix < p->input_width;
      const int8_t* from = inside ? image + ((ptrdiff_t)iy * p->input_width + ix) * p->input_stride : p->padding;
      widen(from + first_channel, channels, patch);
    }
  }
}

#define HT_EACH_PIXEL(X) X(0) X(1) X(2) X(3) X(4) X(5)

static inline __m256i broadcast(const int16_t* from) {
  int32_t two;
  __builtin_memcpy(&two, from, sizeof(two));
  return _mm256_set1_epi32(two);
}

static inline __m256i load_weights(const char* from) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)from)); }

// Six pixels by eight channels; the sums of pixel r go to sums + r * HT_VECTOR.
static void multiply_1(const int16_t* patches, size_t pitch, const char* block, int32_t* sums) {
  const char* w = block + HT_VECTOR * sizeof(int32_t);
#define HT_START(r) __m256i a##r = _mm256_loadu_si256((const __m256i*)block);
  HT_EACH_PIXEL(HT_START)
#undef HT_START
  for (size_t k = 0; k < pitch; k += 2, w += 16) {
    const __m256i w0 = load_weights(w);
#define HT_STEP(r) a##r = _mm256_add_epi32(a##r, _mm256_madd_epi16(broadcast(patches + r * pitch + k), w0));
    HT_EACH_PIXEL(HT_STEP)
#undef HT_STEP
  }
#define HT_STORE(r) _mm256_storeu_si256((__m256i*)(sums + r * HT_VECTOR), a##r);
  HT_EACH_PIXEL(HT_STORE)
#undef HT_STORE
}

// Six pixels by two adjacent blocks; the second block's sums follow the first's.
static void multiply_2(const int16_t* patches, size_t pitch, const char* block, size_t bytes, int32_t* sums) {
  const char* w = block + HT_VECTOR * sizeof(int32_t);
#define HT_START(r) \
  __m256i a##r = _mm256_loadu_si256((const __m256i*)block), b##r = _mm256_loadu_si256((const __m256i*)(block + bytes));
  HT_EACH_PIXEL(HT_START)
#undef HT_START
  for (size_t k = 0; k < pitch; k += 2, w += 16) {
    const __m256i w0 = load_weights(w), w1 = load_weights(w + bytes);
#define HT_STEP(r)                                          \
  {                                                         \
    const __m256i x = broadcast(patches + r * pitch + k);   \
    a##r = _mm256_add_epi32(a##r, _mm256_madd_epi16(x, w0)); \
    b##r = _mm256_add_epi32(b##r, _mm256_madd_epi16(x, w1)); \
  }
    HT_EACH_PIXEL(HT_STEP)
#undef HT_STEP
  }
#define HT_STORE(r)                                               \
  _mm256_storeu_si256((__m256i*)(sums + r * HT_VECTOR), a##r);    \
  _mm256_storeu_si256((__m256i*)(sums + (kPixels + r) * HT_VECTOR), b##r);
  HT_EACH_PIXEL(HT_STORE)
#undef HT_STORE
}

static void convolve_tile(const ht_conv_params* p, const ht_finisher* f, int32_t group, const int16_t* patches, int32_t valid, int32_t* sums,
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

void ht_conv_run_avx2(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride;
  const size_t pitch = padded_depth(p);
  const ht_finisher finisher = ht_prepare_finish(&p->epilogue);
  int32_t* sums = (int32_t*)a->scratch;
  int16_t* patches = (int16_t*)(sums + 2 * kPixels * HT_VECTOR);
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
