// SPDX-License-Identifier: Apache-2.0
// One source for AVX2 and AVX-512: a vector holds adjacent output channels, so every sum keeps the normative order.
#include <immintrin.h>
#include <string.h>

#include "kernels/x86/ht_conv_x86.h"

#ifdef __AVX512F__
enum { kVectorBytes = 64 };
#else
enum { kVectorBytes = 32 };
#endif
typedef float lanes __attribute__((vector_size(kVectorBytes)));

enum { kPixels = 6, kLanes = sizeof(lanes) / sizeof(float), kBlock = 2 * kLanes };

static int32_t group_inputs(const ht_conv_f32_params* p) { return p->input_channels / p->groups; }
static int32_t group_outputs(const ht_conv_f32_params* p) { return p->output_channels / p->groups; }
static int32_t blocks(const ht_conv_f32_params* p) { return (group_outputs(p) + kBlock - 1) / kBlock; }
static size_t depth_of(const ht_conv_f32_params* p) {
  return (size_t)p->kernel_height * (size_t)p->kernel_width * (size_t)group_inputs(p);
}

// Packed: for every group and block of channels [depth][kBlock], zeros beyond.
size_t HT_FN(ht_conv_f32_packed)(const ht_conv_f32_params* p) {
  return (size_t)p->groups * (size_t)blocks(p) * depth_of(p) * kBlock * sizeof(float);
}

size_t HT_FN(ht_conv_f32_packed_scratch)(const ht_conv_f32_params* p) { return kPixels * depth_of(p) * sizeof(float); }

void HT_FN(ht_conv_f32_pack)(const ht_conv_f32_params* p, void* packed) {
  const size_t depth = depth_of(p);
  float* to = (float*)packed;
  for (int32_t block = 0; block < p->groups * blocks(p); ++block) {
    const int32_t first = block % blocks(p) * kBlock;
    const float* from = p->weights + (size_t)(block / blocks(p) * group_outputs(p) + first) * depth;
    for (size_t k = 0; k < depth; ++k)
      for (int32_t o = 0; o < kBlock; ++o) *to++ = first + o < group_outputs(p) ? from[(size_t)o * depth + k] : 0.0f;
  }
}

static void gather_patch(const ht_conv_f32_params* p, const float* image, int32_t oy, int32_t ox, int32_t first_channel,
                         float* patch) {
  const size_t channels = (size_t)group_inputs(p);
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t y = oy * p->stride_height - p->pad_top + ky * p->dilation_height;
    for (int32_t kx = 0; kx < p->kernel_width; ++kx, patch += channels) {
      const int32_t x = ox * p->stride_width - p->pad_left + kx * p->dilation_width;
      if (y >= 0 && y < p->input_height && x >= 0 && x < p->input_width) {
        memcpy(patch, image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride + first_channel, channels * sizeof(float));
      } else {
        memset(patch, 0, channels * sizeof(float));
      }
    }
  }
}

static inline lanes load(const float* from) {
  lanes x;
  memcpy(&x, from, sizeof(x));
  return x;
}

// Of what is not a number the second operand, as in C's comparisons.
#ifdef __AVX512F__
static inline lanes larger(lanes a, lanes b) { return (lanes)_mm512_max_ps((__m512)a, (__m512)b); }
static inline lanes smaller(lanes a, lanes b) { return (lanes)_mm512_min_ps((__m512)a, (__m512)b); }
#else
static inline lanes larger(lanes a, lanes b) { return (lanes)_mm256_max_ps((__m256)a, (__m256)b); }
static inline lanes smaller(lanes a, lanes b) { return (lanes)_mm256_min_ps((__m256)a, (__m256)b); }
#endif

static inline void finish_vector(const ht_conv_f32_params* p, int32_t first, int32_t count, lanes sum, float* out) {
  if (count >= kLanes) {
    if (p->bias) sum += load(p->bias + first);
    const lanes zero = {0};
    sum = smaller(zero + p->maximum, larger(zero + p->minimum, sum));
    memcpy(out, &sum, sizeof(sum));
    return;
  }
  float sums[kLanes];
  memcpy(sums, &sum, sizeof(sum));
  for (int32_t o = 0; o < count; ++o) {
    const float with_bias = p->bias ? sums[o] + p->bias[first + o] : sums[o];
    const float x = with_bias < p->minimum ? p->minimum : with_bias;
    out[o] = x > p->maximum ? p->maximum : x;
  }
}

#define HT_EACH_PIXEL(X) X(0) X(1) X(2) X(3) X(4) X(5)

// What six pixels, `pitch` floats apart, and one block of `count` channels from `first` on give; `valid` of them are stored.
static void multiply_2(const ht_conv_f32_params* p, const float* pixels, size_t pitch, const float* w, int32_t first,
                       int32_t count, int32_t valid, float* out) {
  const size_t depth = depth_of(p);
#define HT_START(r) lanes a##r = {0}, b##r = {0};
  HT_EACH_PIXEL(HT_START)
#undef HT_START
  for (size_t k = 0; k < depth; ++k, w += kBlock) {
    const lanes w0 = load(w), w1 = load(w + kLanes);
#define HT_STEP(r)                         \
  {                                        \
    const float x = pixels[r * pitch + k]; \
    a##r += x * w0;                        \
    b##r += x * w1;                        \
  }
    HT_EACH_PIXEL(HT_STEP)
#undef HT_STEP
  }
#define HT_STORE(r)                                                                              \
  if (r < valid) {                                                                               \
    float* to = out + (size_t)r * (size_t)p->output_stride;                                      \
    finish_vector(p, first, count, a##r, to);                                                    \
    finish_vector(p, first + kLanes, count - kLanes, b##r, to + kLanes);                         \
  }
  HT_EACH_PIXEL(HT_STORE)
#undef HT_STORE
}

// The same where all of the channels are in the first vector.
static void multiply_1(const ht_conv_f32_params* p, const float* pixels, size_t pitch, const float* w, int32_t first,
                       int32_t count, int32_t valid, float* out) {
  const size_t depth = depth_of(p);
#define HT_START(r) lanes a##r = {0};
  HT_EACH_PIXEL(HT_START)
#undef HT_START
  for (size_t k = 0; k < depth; ++k, w += kBlock) {
    const lanes w0 = load(w);
#define HT_STEP(r) a##r += pixels[r * pitch + k] * w0;
    HT_EACH_PIXEL(HT_STEP)
#undef HT_STEP
  }
#define HT_STORE(r) \
  if (r < valid) finish_vector(p, first, count, a##r, out + (size_t)r * (size_t)p->output_stride);
  HT_EACH_PIXEL(HT_STORE)
#undef HT_STORE
}

static void convolve_tile(const ht_conv_f32_params* p, int32_t group, const float* pixels, size_t pitch, int32_t valid, float* out) {
  const size_t block_size = depth_of(p) * kBlock;
  const float* w = (const float*)p->packed + (size_t)group * (size_t)blocks(p) * block_size;
  for (int32_t block = 0; block < blocks(p); ++block, w += block_size) {
    const int32_t within = block * kBlock, first = group * group_outputs(p) + within;
    const int32_t count = group_outputs(p) - within < kBlock ? group_outputs(p) - within : kBlock;
    (count > kLanes ? multiply_2 : multiply_1)(p, pixels, pitch, w, first, count, valid, out + first);
  }
}

// Whether the output's pixels read the input's, one each.
static bool reads_input(const ht_conv_f32_params* p) {
  return p->kernel_height == 1 && p->kernel_width == 1 && p->stride_height == 1 && p->stride_width == 1 && p->pad_top == 0 &&
         p->pad_left == 0 && p->input_height == p->output_height && p->input_width == p->output_width;
}

// The output's pixels in memory's order, whatever row they are in.
void HT_FN(ht_conv_f32_run)(const ht_conv_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride, depth = depth_of(p);
  const bool direct = reads_input(p);
  const int32_t last = end * p->output_width;
  float* patches = (float*)a->scratch;
  for (int32_t pixel = begin * p->output_width; pixel < last; pixel += kPixels) {
    const int32_t valid = last - pixel < kPixels ? last - pixel : kPixels;
    float* out = (float*)a->output + (size_t)pixel * (size_t)p->output_stride;
    for (int32_t group = 0; group < p->groups; ++group) {
      if (direct && valid == kPixels) {
        const float* from = (const float*)a->inputs[0] + (size_t)pixel * (size_t)p->input_stride + group * group_inputs(p);
        convolve_tile(p, group, from, (size_t)p->input_stride, valid, out);
        continue;
      }
      int32_t row = pixel / p->output_width, ox = pixel % p->output_width;
      for (int32_t r = 0; r < kPixels; ++r) {  // a short tile repeats its last pixel
        gather_patch(p, (const float*)a->inputs[0] + (size_t)(row / p->output_height) * image_size, row % p->output_height, ox,
                     group * group_inputs(p), patches + (size_t)r * depth);
        if (r + 1 < valid && ++ox == p->output_width) ox = 0, ++row;
      }
      convolve_tile(p, group, patches, depth, valid, out);
    }
  }
}
