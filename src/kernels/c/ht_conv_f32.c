// SPDX-License-Identifier: Apache-2.0
#include "ht_conv_f32.h"

#include "ht_sum.h"

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

void HT_FN(ht_conv_f32)(const ht_conv_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const int32_t depth = patch_depth(p), outputs = p->output_channels / p->groups;
  float* patch = (float*)a->scratch;
  for (int32_t row = begin; row < end; ++row) {
    const float* image =
        (const float*)a->inputs[0] + (ptrdiff_t)(row / p->output_height) * p->input_height * p->input_width * p->input_stride;
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      float* out = (float*)a->output + ((ptrdiff_t)row * p->output_width + ox) * p->output_stride;
      for (int32_t group = 0; group < p->groups; ++group) {
        gather_patch(p, image, row % p->output_height, ox, group * (p->input_channels / p->groups), patch);
        for (int32_t o = group * outputs; o < (group + 1) * outputs; ++o) {
          const float sum = ht_dot_f32(patch, p->weights + (ptrdiff_t)o * depth, depth);
          out[o] = clip(p->bias ? sum + p->bias[o] : sum, p->minimum, p->maximum);
        }
      }
    }
  }
}
