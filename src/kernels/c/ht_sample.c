// SPDX-License-Identifier: Apache-2.0
#include "ht_sample.h"

#include "ht_math.h"

enum { MOST_TAPS = 4 };

// What one axis contributes: pixels (-1: a zero) and their weights.
typedef struct taps {
  int32_t count;
  int32_t index[MOST_TAPS];
  float weight[MOST_TAPS];
} taps;

// Mirrors at the edges until x is between them.
static float reflect(float x, float low, float high) {
  const float range = high - low;
  if (range <= 0.0f) return low;
  const bool before = x < low;
  if (!before && !(x > high)) return x;
  const float beyond = before ? low - x : x - high;
  const float turns = ht_floor(beyond / range);
  const float rest = beyond - turns * range;
  const bool odd = ht_fmod(turns, 2.0f) != 0.0f;
  return before != odd ? low + rest : high - rest;
}

static int32_t pixel(const ht_sample_f32_params* p, int32_t index, int32_t size, float low, float high) {
  if (index >= 0 && index < size) return index;
  if (p->padding == HT_SAMPLE_ZEROS) return -1;
  if (p->padding == HT_SAMPLE_REFLECTION) index = (int32_t)reflect((float)index, low, high);
  return index < 0 ? 0 : (index >= size ? size - 1 : index);
}

// Keys' kernel with a = -0.75 at distance d from the pixel.
static float cubic_weight(float d) {
  const float a = -0.75f;
  d = ht_abs(d);
  if (d <= 1.0f) return ((a + 2.0f) * d - (a + 3.0f)) * d * d + 1.0f;
  return ((a * d - 5.0f * a) * d + 8.0f * a) * d - 4.0f * a;
}

static taps taps_at(const ht_sample_f32_params* p, float place, int32_t size) {
  const float low = p->align_corners ? 0.0f : -0.5f;
  const float high = p->align_corners ? (float)size - 1.0f : (float)size - 0.5f;
  float x = p->align_corners ? (place + 1.0f) / 2.0f * ((float)size - 1.0f) : ((place + 1.0f) * (float)size - 1.0f) / 2.0f;
  // Far outside, where integers would overflow, all places are alike; not-a-number is one of them.
  x = x > -16777216.0f ? x : -16777216.0f;
  x = x < 16777216.0f ? x : 16777216.0f;
  if (p->mode == HT_SAMPLE_NEAREST) x = ht_rint(x);
  const float below = ht_floor(x);
  const int32_t first = (int32_t)below;
  const float part = x - below;
  taps result = {1, {pixel(p, (int32_t)ht_rint(x), size, low, high)}, {1.0f}};
  if (p->mode == HT_SAMPLE_NEAREST) return result;
  result.count = p->mode == HT_SAMPLE_LINEAR ? 2 : 4;
  for (int32_t t = 0; t < result.count; ++t) {
    const int32_t offset = p->mode == HT_SAMPLE_LINEAR ? t : t - 1;
    result.index[t] = pixel(p, first + offset, size, low, high);
    result.weight[t] = p->mode == HT_SAMPLE_CUBIC ? cubic_weight(part - (float)offset) : (t == 0 ? 1.0f - part : part);
  }
  return result;
}

void HT_FN(ht_sample_f32)(const ht_sample_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  const size_t image_size = (size_t)p->input_height * (size_t)p->input_width * (size_t)p->channels;
  for (int32_t row = begin; row < end; ++row) {
    const float* image = (const float*)a->inputs[0] + (size_t)(row / p->output_height) * image_size;
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      const ptrdiff_t at = (ptrdiff_t)row * p->output_width + ox;
      const float* place = (const float*)a->inputs[1] + at * 2;
      float* HT_RESTRICT out = (float*)a->output + at * p->channels;
      const taps x = taps_at(p, place[0], p->input_width), y = taps_at(p, place[1], p->input_height);
      for (int32_t c = 0; c < p->channels; ++c) out[c] = 0.0f;
      for (int32_t ty = 0; ty < y.count; ++ty) {
        for (int32_t tx = 0; tx < x.count; ++tx) {
          if (y.index[ty] < 0 || x.index[tx] < 0) continue;
          const float weight = y.weight[ty] * x.weight[tx];
          const float* HT_RESTRICT in = image + ((ptrdiff_t)y.index[ty] * p->input_width + x.index[tx]) * p->channels;
          for (int32_t c = 0; c < p->channels; ++c) out[c] += weight * in[c];
        }
      }
    }
  }
}
