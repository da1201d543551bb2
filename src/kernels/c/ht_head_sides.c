// SPDX-License-Identifier: Apache-2.0
#include "ht_head.h"
#include "ht_math.h"

// The mean of 0, 1, 2, ... weighted by softmax of the side's logits, summed in their order.
static float side(const ht_detect_cell* cell, int32_t number) {
  const int32_t bins = cell->params->bins, first = number * bins;
  float highest = ht_head_box(cell, first), weights = 0.0f, total = 0.0f;
  for (int32_t i = 1; i < bins; i++) {
    const float logit = ht_head_box(cell, first + i);
    highest = logit > highest ? logit : highest;
  }
  for (int32_t i = 0; i < bins; i++) {
    const float weight = ht_exp(ht_head_box(cell, first + i) - highest);
    weights += weight;
    total += weight * (float)i;
  }
  return total / weights;
}

void HT_FN(ht_boxes_sides)(const ht_detect_cell* cell, float* sides) {
  const float s = cell->level->stride, x = ht_head_x(cell) + 0.5f, y = ht_head_y(cell) + 0.5f;
  sides[0] = (x - side(cell, 0)) * s;
  sides[1] = (y - side(cell, 1)) * s;
  sides[2] = (x + side(cell, 2)) * s;
  sides[3] = (y + side(cell, 3)) * s;
}

static float center(const ht_detect_cell* cell, float index) {
  const float s = cell->level->stride;
  return (index + cell->params->center_offset) * s + cell->params->center_shift * (s - 1);
}

// Not-a-number stays.
static float within(float x, float high) { return x < 0.0f ? 0.0f : (high < x ? high : x); }

void HT_FN(ht_boxes_distances)(const ht_detect_cell* cell, float* sides) {
  const float width = cell->params->input_width, height = cell->params->input_height, s = cell->level->stride;
  const float x = center(cell, ht_head_x(cell)), y = center(cell, ht_head_y(cell));
  sides[0] = within(x - side(cell, 0) * s, width);
  sides[1] = within(y - side(cell, 1) * s, height);
  sides[2] = within(x + side(cell, 2) * s, width);
  sides[3] = within(y + side(cell, 3) * s, height);
}
