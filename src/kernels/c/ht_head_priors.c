// SPDX-License-Identifier: Apache-2.0
#include "ht_head.h"
#include "ht_math.h"

static float offset(const ht_detect_cell* cell, int32_t number) {
  const int32_t y_first = cell->params->order == HT_ORDER_CYCXHW;
  return ht_head_box(cell, number ^ y_first) * cell->params->variances[number];
}

void HT_FN(ht_boxes_priors)(const ht_detect_cell* cell, float* sides) {
  const float* prior = cell->params->priors + (ptrdiff_t)cell->location * 4;
  ht_head_centered(prior[0] + offset(cell, 0) * prior[2], prior[1] + offset(cell, 1) * prior[3], ht_exp(offset(cell, 2)) * prior[2],
                   ht_exp(offset(cell, 3)) * prior[3], sides);
}
