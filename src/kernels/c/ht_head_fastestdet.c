// SPDX-License-Identifier: Apache-2.0
#include "ht_head.h"
#include "ht_math.h"

float HT_FN(ht_head_object_power)(float value) { return ht_pow(value < 0.0f ? 0.0f : value, 0.6f); }
float HT_FN(ht_head_class_power)(float value) { return ht_pow(value < 0.0f ? 0.0f : value, 0.4f); }

void HT_FN(ht_boxes_fastestdet)(const ht_detect_cell* cell, float* sides) {
  const float width = cell->params->input_width, height = cell->params->input_height;
  const float x = (ht_head_x(cell) + ht_tanh(ht_head_box(cell, 0))) / (float)cell->level->grid_width;
  const float y = (ht_head_y(cell) + ht_tanh(ht_head_box(cell, 1))) / (float)cell->level->grid_height;
  ht_head_centered(x * width, y * height, ht_sigmoid(ht_head_box(cell, 2)) * width, ht_sigmoid(ht_head_box(cell, 3)) * height, sides);
}
