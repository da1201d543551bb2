// SPDX-License-Identifier: Apache-2.0
// The parts that detector heads are made of, for ht_detect_params. docs/INTERFACE.md describes the heads. Boxes are made of a
// cell's values b0, b1, ...; x and y are its place on the grid and s the stride. A file each, so that a bundle takes what it needs.
#ifndef HT_HEAD_H
#define HT_HEAD_H

#include "ht_detect.h"

#ifdef __cplusplus
extern "C" {
#endif

float HT_FN(ht_head_sigmoid)(float value);
// FastestDet's: max(value, 0)^0.6 of an object, ^0.4 of its class.
float HT_FN(ht_head_object_power)(float value);
float HT_FN(ht_head_class_power)(float value);

// Four values in the order of params->order, in pixels or in units of the input.
void HT_FN(ht_boxes_decoded)(const ht_detect_cell* cell, float* sides);
// YOLOX: centre (b0 + x, b1 + y) * s, size (exp b2, exp b3) * s.
void HT_FN(ht_boxes_yolox)(const ht_detect_cell* cell, float* sides);
// YOLOv5: with b after box_function, centre (2 b0 - 0.5 + x, 2 b1 - 0.5 + y) * s, size ((2 b2)^2, (2 b3)^2) * anchor.
void HT_FN(ht_boxes_anchored)(const ht_detect_cell* cell, float* sides);
// YOLOv8: from the cell's middle four sides in strides, each the mean of a distribution over the bins.
void HT_FN(ht_boxes_sides)(const ht_detect_cell* cell, float* sides);
// NanoDet: the same around another centre, within the input.
void HT_FN(ht_boxes_distances)(const ht_detect_cell* cell, float* sides);
// FastestDet: centre ((x + tanh b0) / columns, (y + tanh b1) / rows), size (sigmoid b2, sigmoid b3), of the input.
void HT_FN(ht_boxes_fastestdet)(const ht_detect_cell* cell, float* sides);
// SSD: offsets with variances to the priors.
void HT_FN(ht_boxes_priors)(const ht_detect_cell* cell, float* sides);

// Models that name the class of each box. `classes` holds the scores. Listed: `object` holds the classes, `more` how many boxes
// count, where that is an output. Selected: `object` holds triples of batch, class and box, which choose among all scores.
bool HT_FN(ht_names_listed)(ht_detect_cell* cell, int32_t* class_index, float* value);
bool HT_FN(ht_names_selected)(ht_detect_cell* cell, int32_t* class_index, float* value);

static inline float ht_head_box(const ht_detect_cell* cell, int32_t index) { return ht_value(&cell->boxes, cell->location, index); }
static inline float ht_head_x(const ht_detect_cell* cell) { return (float)(cell->location % cell->level->grid_width); }
static inline float ht_head_y(const ht_detect_cell* cell) { return (float)(cell->location / cell->level->grid_width); }

static inline void ht_head_centered(float x, float y, float width, float height, float* sides) {
  sides[0] = x - width / 2;
  sides[1] = y - height / 2;
  sides[2] = x + width / 2;
  sides[3] = y + height / 2;
}

#ifdef __cplusplus
}
#endif

#endif
