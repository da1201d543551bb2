// SPDX-License-Identifier: Apache-2.0
#include "ht_head.h"

static float activated(const ht_detect_cell* cell, int32_t index) {
  const float value = ht_head_box(cell, index);
  return cell->params->box_function == NULL ? value : cell->params->box_function(value);
}

void HT_FN(ht_boxes_anchored)(const ht_detect_cell* cell, float* sides) {
  const ht_detect_level* level = cell->level;
  const float width = 2 * activated(cell, 2), height = 2 * activated(cell, 3);
  ht_head_centered((2 * activated(cell, 0) - 0.5f + ht_head_x(cell)) * level->stride,
                   (2 * activated(cell, 1) - 0.5f + ht_head_y(cell)) * level->stride, width * width * level->anchor_width,
                   height * height * level->anchor_height, sides);
}
