// SPDX-License-Identifier: Apache-2.0
// One source for AVX2 and AVX-512: a vector holds adjacent output channels, so every sum keeps the normative order.
#include <string.h>

#include "kernels/x86/ht_conv_x86.h"

#ifdef __AVX512F__
enum { kVectorBytes = 64 };
#else
enum { kVectorBytes = 32 };
#endif
typedef float lanes __attribute__((vector_size(kVectorBytes)));

enum { kPixels = 6, kBlock = 2 * sizeof(lanes) / sizeof(float) };

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

#define HT_EACH_PIXEL(X) X(0) X(1) X(2) X(3) X(4) X(5)

// Six pixels by one block; the sums of pixel r go to sums + r * kBlock.
static void multiply(const float* patches, size_t depth, const float* w, float* sums) {
#define HT_START(r) lanes a##r = {0}, b##r = {0};
  HT_EACH_PIXEL(HT_START)
#undef HT_START
  for (size_t k = 0; k < depth; ++k, w += kBlock) {
    const lanes w0 = load(w), w1 = load(w + kBlock / 2);
#define HT_STEP(r)                           \
  {                                          \
    const float x = patches[r * depth + k];  \
    a##r += x * w0;                          \
    b##r += x * w1;                          \
  }
    HT_EACH_PIXEL(HT_STEP)
#undef HT_STEP
  }
#define HT_STORE(r)                              \
  memcpy(sums + r * kBlock, &a##r, sizeof(lanes)); \
  memcpy(sums + r * kBlock + kBlock / 2, &b##r, sizeof(lanes));
  HT_EACH_PIXEL(HT_STORE)
#undef HT_STORE
}

static void finish(const ht_conv_f32_params* p, int32_t first, int32_t count, const float* sums, float* out) {
  for (int32_t o = 0; o < count; ++o) {
    const float sum = p->bias ? sums[o] + p->bias[first + o] : sums[o];
    const float x = sum < p->minimum ? p->minimum : sum;
    out[o] = x > p->maximum ? p->maximum : x;
  }
}

void HT_FN(ht_conv_f32_run)(const ht_conv_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->input_stride, depth = depth_of(p);
  float* patches = (float*)a->scratch;
  for (int32_t row = begin; row < end; ++row) {
    const float* image = (const float*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    for (int32_t ox = 0; ox < p->output_width; ox += kPixels) {
      const int32_t valid = p->output_width - ox < kPixels ? p->output_width - ox : kPixels;
      float* out = (float*)a->output + ((size_t)row * (size_t)p->output_width + (size_t)ox) * (size_t)p->output_stride;
      const float* w = (const float*)p->packed;
      for (int32_t group = 0; group < p->groups; ++group) {
        for (int32_t r = 0; r < kPixels; ++r)  // a short tile repeats its last pixel
          gather_patch(p, image, row % p->output_height, ox + (r < valid ? r : valid - 1), group * group_inputs(p),
                       patches + (size_t)r * depth);
        for (int32_t block = 0; block < blocks(p); ++block, w += depth * kBlock) {
          float sums[kPixels * kBlock];
          multiply(patches, depth, w, sums);
          const int32_t within = block * kBlock, first = group * group_outputs(p) + within;
          const int32_t count = group_outputs(p) - within < kBlock ? group_outputs(p) - within : kBlock;
          for (int32_t r = 0; r < valid; ++r)
            finish(p, first, count, sums + r * kBlock, out + (size_t)r * (size_t)p->output_stride + first);
        }
      }
    }
  }
}
