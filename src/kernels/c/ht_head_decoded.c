// SPDX-License-Identifier: Apache-2.0
#include "ht_head.h"

void HT_FN(ht_boxes_decoded)(const ht_detect_cell* cell, float* sides) {
  const ht_detect_params* p = cell->params;
  const int32_t y_first = p->order == HT_ORDER_YXYX || p->order == HT_ORDER_CYCXHW;
  const float x = ht_head_box(cell, y_first) * p->unit_x, y = ht_head_box(cell, 1 - y_first) * p->unit_y;
  const float u = ht_head_box(cell, 2 + y_first) * p->unit_x, v = ht_head_box(cell, 3 - y_first) * p->unit_y;
  if (p->order == HT_ORDER_CXCYWH || p->order == HT_ORDER_CYCXHW) {
    ht_head_centered(x, y, u, v, sides);
    return;
  }
  const bool size = p->order == HT_ORDER_XYWH;
  sides[0] = x;
  sides[1] = y;
  sides[2] = size ? x + u : u;
  sides[3] = size ? y + v : v;
}
