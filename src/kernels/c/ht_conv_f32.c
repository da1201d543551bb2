// SPDX-License-Identifier: Apache-2.0
#include "ht_conv_f32.h"

// Scratch: one patch.
static int32_t patch_depth(const ht_conv_f32_params* p) {
  return p->kernel_height * p->kernel_width * (p->input_channels / p->groups);
}

size_t HT_FN(ht_conv_f32_scratch)(const ht_conv_f32_params* p) { return (size_t)patch_depth(p) * sizeof(float); }

static void copy_floats(const float* HT_RESTRICT from, int32_t count, float* HT_RESTRICT to) {
  for (int32_t i = 0; i < count; ++i) to[i] = from[i];
}

static void zero_floats(int32_t count, float* to) {
  for (int32_t i = 0; i < count; ++i) to[i] = 0.0f;
}

static void gather_patch(const ht_conv_f32_params* p, const float* image, int32_t oy, int32_t ox, int32_t first_channel,
                         float* patch) {
  const int32_t channels = p->input_channels / p->groups;
  for (int32_t ky = 0; ky < p->kernel_height; ++ky) {
    const int32_t y = oy * p->stride_height - p->pad_top + ky * p->dilation_height;
    for (int32_t kx = 0; kx < p->kernel_width; ++kx, patch += channels) {
      const int32_t x = ox * p->stride_width - p->pad_left + kx * p->dilation_width;
      if (y >= 0 && y < p->input_height && x >= 0 && x < p->input_width) {
        copy_floats(image + ((ptrdiff_t)y * p->input_width + x) * p->input_stride + first_channel, channels, patch);
      } else {
        zero_floats(channels, patch);
      }
    }
  }
}

static float clip(float x, float least, float most) {
  const float y = x < least ? least : x;
  return y > most ? most : y;
}

// Four output channels at once, each sum in order.
static void dot_4(const float* HT_RESTRICT x, const float* HT_RESTRICT w, int32_t depth, float sums[4]) {
  const float *w0 = w, *w1 = w0 + depth, *w2 = w1 + depth, *w3 = w2 + depth;
  float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
  for (int32_t i = 0; i < depth; ++i) {
    s0 += x[i] * w0[i];
    s1 += x[i] * w1[i];
    s2 += x[i] * w2[i];
    s3 += x[i] * w3[i];
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

static float dot(const float* HT_RESTRICT x, const float* HT_RESTRICT w, int32_t depth) {
  float sum = 0.0f;
  for (int32_t i = 0; i < depth; ++i) sum += x[i] * w[i];
  return sum;
}

static void convolve_pixel(const ht_conv_f32_params* p, const float* patch, int32_t first, int32_t count, float* out) {
  const int32_t depth = patch_depth(p);
  const float* w = p->weights + (ptrdiff_t)first * depth;
  int32_t o = 0;
  for (; o + 4 <= count; o += 4) dot_4(patch, w + (ptrdiff_t)o * depth, depth, out + first + o);
  for (; o < count; ++o) out[first + o] = dot(patch, w + (ptrdiff_t)o * depth, depth);
  for (o = first; o < first + count; ++o) out[o] = clip(p->bias ? out[o] + p->bias[o] : out[o], p->minimum, p->maximum);
}

void HT_FN(ht_conv_f32)(const ht_conv_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t outputs = p->output_channels / p->groups;
  float* patch = (float*)a->scratch;
  for (int32_t row = begin; row < end; ++row) {
    const float* image =
        (const float*)a->inputs[0] + (ptrdiff_t)(row / p->output_height) * p->input_height * p->input_width * p->input_stride;
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      float* out = (float*)a->output + ((ptrdiff_t)row * p->output_width + ox) * p->output_stride;
      for (int32_t group = 0; group < p->groups; ++group) {
        gather_patch(p, image, row % p->output_height, ox, group * (p->input_channels / p->groups), patch);
        convolve_pixel(p, patch, group * outputs, outputs, out);
      }
    }
  }
}
