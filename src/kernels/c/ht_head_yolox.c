// SPDX-License-Identifier: Apache-2.0
#include "ht_head.h"
#include "ht_math.h"

void HT_FN(ht_boxes_yolox)(const ht_detect_cell* cell, float* sides) {
  const float s = cell->level->stride;
  ht_head_centered((ht_head_box(cell, 0) + ht_head_x(cell)) * s, (ht_head_box(cell, 1) + ht_head_y(cell)) * s,
                   ht_exp(ht_head_box(cell, 2)) * s, ht_exp(ht_head_box(cell, 3)) * s, sides);
}
