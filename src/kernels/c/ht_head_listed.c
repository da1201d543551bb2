// SPDX-License-Identifier: Apache-2.0
#include "ht_head.h"
#include "ht_math.h"

static bool name_class(const ht_detect_params* p, float name, int32_t* class_index) {
  const float index = ht_rint(name) - (float)p->first_class;
  if (!(index >= 0.0f && index < (float)p->class_count)) return false;
  *class_index = (int32_t)index;
  return true;
}

bool HT_FN(ht_names_listed)(ht_detect_cell* cell, int32_t* class_index, float* value) {
  if (cell->more.data != NULL && !((float)cell->location < ht_value(&cell->more, 0, 0))) return false;
  *value = ht_value(&cell->classes, cell->location, 0);
  return name_class(cell->params, ht_value(&cell->object, cell->location, 0), class_index);
}

bool HT_FN(ht_names_selected)(ht_detect_cell* cell, int32_t* class_index, float* value) {
  const float label = ht_value(&cell->object, cell->location, 1), box = ht_value(&cell->object, cell->location, 2);
  // Rows beyond the last that was selected hold no index.
  if (!(label >= 0.0f && label < (float)cell->params->class_count)) return false;
  if (!(box >= 0.0f && box < (float)cell->params->listed_boxes)) return false;
  cell->location = (int32_t)box;
  *class_index = (int32_t)label;
  *value = ht_value(&cell->classes, cell->location, *class_index);
  return true;
}
