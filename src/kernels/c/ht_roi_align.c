// SPDX-License-Identifier: Apache-2.0
#include "ht_roi_align.h"

#include "ht_element.h"
#include "ht_math.h"

// A region along one axis.
typedef struct side {
  float start, cell;
  int32_t samples, size;
} side;

// Two pixels around a place and their weights.
typedef struct taps {
  int32_t index[2];
  float weight[2];
} taps;

static side side_of(const ht_roi_align_f32_params* p, float from, float to, int32_t cells, int32_t size) {
  const float offset = p->half_pixel ? 0.5f : 0.0f;
  side s = {from * p->scale - offset, 0.0f, p->samples, size};
  float length = to * p->scale - offset - s.start;
  if (!p->half_pixel) length = ht_max(length, 1.0f);
  s.cell = length / (float)cells;
  if (p->samples > 0) return s;
  const float wanted = ht_ceil(s.cell);
  // Not-a-number has no samples.
  s.samples = wanted >= 1.0f ? (int32_t)ht_min(wanted, (float)HT_ROI_MOST_SAMPLES) : 0;
  return s;
}

static taps taps_at(const side* s, int32_t o, int32_t sample) {
  float place = s->start + (float)o * s->cell + ((float)sample + 0.5f) * s->cell / (float)s->samples;
  taps t = {{0, 0}, {0.0f, 0.0f}};
  if (!(place >= -1.0f && place <= (float)s->size)) return t;
  place = ht_min(ht_max(place, 0.0f), (float)(s->size - 1));
  const int32_t low = (int32_t)place;
  const float part = place - (float)low;
  t.index[0] = low;
  t.index[1] = low + 1 < s->size ? low + 1 : low;
  t.weight[0] = 1.0f - part;
  t.weight[1] = part;
  return t;
}

static const float* picture_of(const ht_roi_align_f32_params* p, const ht_arguments* a, int32_t region) {
  int64_t index = ht_load_integer(p->index_type, a->inputs[2], region);
  index = index < 0 ? 0 : (index >= p->batch ? p->batch - 1 : index);
  return (const float*)a->inputs[0] + (ptrdiff_t)index * p->input_height * p->input_width * p->channels;
}

// Adds a sample to the means, or compares it with the maxima.
static void add_sample(const ht_roi_align_f32_params* p, const float* picture, const taps* y, const taps* x, bool is_first, float* HT_RESTRICT out) {
  for (int32_t tap = 0; tap < 4; ++tap) {
    const float weight = y->weight[tap / 2] * x->weight[tap % 2];
    const float* HT_RESTRICT in = picture + ((ptrdiff_t)y->index[tap / 2] * p->input_width + x->index[tap % 2]) * p->channels;
    if (!p->maximum) {
      for (int32_t c = 0; c < p->channels; ++c) out[c] += weight * in[c];
    } else if (is_first && tap == 0) {
      for (int32_t c = 0; c < p->channels; ++c) out[c] = weight * in[c];
    } else {
      for (int32_t c = 0; c < p->channels; ++c) out[c] = ht_max(out[c], weight * in[c]);
    }
  }
}

void HT_FN(ht_roi_align_f32)(const ht_roi_align_f32_params* p, const ht_arguments* a, int32_t begin, int32_t end) {
  for (int32_t row = begin; row < end; ++row) {
    const int32_t region = row / p->output_height, oy = row % p->output_height;
    const float* box = (const float*)a->inputs[1] + (ptrdiff_t)region * 4;
    const float* picture = picture_of(p, a, region);
    const side across = side_of(p, box[0], box[2], p->output_width, p->input_width);
    const side down = side_of(p, box[1], box[3], p->output_height, p->input_height);
    const int32_t count = across.samples * down.samples;
    for (int32_t ox = 0; ox < p->output_width; ++ox) {
      float* HT_RESTRICT out = (float*)a->output + ((ptrdiff_t)row * p->output_width + ox) * p->channels;
      for (int32_t c = 0; c < p->channels; ++c) out[c] = 0.0f;
      for (int32_t sample = 0; sample < count; ++sample) {
        const taps y = taps_at(&down, oy, sample / across.samples), x = taps_at(&across, ox, sample % across.samples);
        add_sample(p, picture, &y, &x, sample == 0, out);
      }
      for (int32_t c = 0; c < p->channels && !p->maximum && count > 1; ++c) out[c] = out[c] / (float)count;
    }
  }
}
