// SPDX-License-Identifier: Apache-2.0
// From the outputs of a detector to boxes, normative: decoding, the choice of candidates, suppression. Outputs are read as they
// lie in memory, integers without a copy in floats.
//
// What a head does besides is three functions of its parameters: how a value becomes a probability, where a location's box lies,
// and, for models that list boxes with their classes, which class a location names. A file a head family holds them, so that a
// bundle takes the one that it needs.
//
// A location gives its class of the highest value (the first of equals; not-a-number counts as lower than all) or, with
// multi_label, each class. score = object(o) * class(c), or class(c) alone; values that are not finite have no score. A candidate
// has a score above the threshold and a box with four finite sides after it was brought to the photo. Candidates are ordered by score, higher first, and those of
// the same score in the order of levels, locations and classes. Where there is room for fewer than there are, the first ones in
// that order stay, so the result is that of the whole list cut off there, before suppression.
//
// Suppression goes through them in order: one goes where it overlaps one of its class that stayed by more than nms_threshold; it
// ends with max_detections that stayed.
#ifndef HT_DETECT_H
#define HT_DETECT_H

#include "ht_camera.h"
#include "ht_values.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ht_candidate {
  ht_box box;
  int32_t order;  // of finding
} ht_candidate;

// Where a photo lies in the model's input: photo = (input - offset) / scale, in double; sides of the photo in pixels.
typedef struct ht_detect_place {
  double scale_x, scale_y, offset_x, offset_y;
  float width, height;
} ht_detect_place;

// An output's type and quantization; those of floats are not read.
typedef struct ht_detect_output {
  int32_t type;        // HT_VALUES_F32 ...
  int32_t scale_step;  // 1: a scale and a zero point a value of a location, 0: one for all
  const float* scale;
  const int32_t* zero_point;
} ht_detect_output;

// Values of one output, as ht_values reads them: value v of location i is element first + i * location_step + v * value_step.
typedef struct ht_detect_view {
  int32_t output;
  int32_t first;
  int32_t location_step, value_step;
  int32_t channel;  // index of the first value's scale
} ht_detect_view;

// Boxes that lie on one grid and belong to one anchor, or all where neither matters.
typedef struct ht_detect_level {
  int32_t locations;
  int32_t grid_width, grid_height;  // in cells
  float stride;                     // pixels of the input from cell to cell
  float anchor_width, anchor_height;
  ht_detect_view boxes, classes;
  ht_detect_view object;  // objectness, or the classes that a listing head names; its output is -1 where there is none
  ht_detect_view more;    // what else a listing head reads, or -1 likewise
  // Integers below these give no candidate, so such locations cost a comparison; INT32_MIN where that is not known.
  int32_t least_object, least_class;
} ht_detect_level;

struct ht_detect_params;

// A location under consideration.
typedef struct ht_detect_cell {
  const struct ht_detect_params* params;
  const ht_detect_level* level;
  ht_values boxes, classes, object, more;  // without data where the level has none
  int32_t location;
  float object_score;
  float highest, total;  // of softmax
} ht_detect_cell;

typedef float (*ht_detect_function)(float value);
// Writes the four sides x0, y0, x1, y1 in pixels of the input.
typedef void (*ht_detect_boxes)(const ht_detect_cell* cell, float* sides);
// Finds the class that the location names and the value of its score, and may move the cell to the location of its box; false
// where it names none.
typedef bool (*ht_detect_names)(ht_detect_cell* cell, int32_t* class_index, float* value);

enum { HT_ORDER_XYXY, HT_ORDER_YXYX, HT_ORDER_XYWH, HT_ORDER_CXCYWH, HT_ORDER_CYCXHW };

typedef struct ht_detect_params {
  ht_detect_function object_function;  // null: the value itself
  ht_detect_function class_function;
  ht_detect_function box_function;     // of values that say where a box lies around its anchor
  ht_detect_boxes boxes;
  ht_detect_names names;               // null but for listing heads
  int32_t level_count;
  const ht_detect_level* levels;
  const ht_detect_output* outputs;
  int32_t class_count;                 // values of a location's classes
  // Where the classes are values of a softmax: over so many columns, the first of them so many before the first class. 0: no softmax.
  int32_t softmax_columns, softmax_before;
  int32_t bins;                        // of a side's distribution
  float input_width, input_height;     // in pixels
  float unit_x, unit_y;                // pixels in a unit of decoded boxes
  int32_t order;                       // HT_ORDER_XYXY ..., of decoded boxes and offsets
  float center_offset;                 // of a cell's centre, in cells
  float center_shift;                  // and then so many times (stride - 1) pixels
  const float* priors;                 // four a location: centre and size in pixels
  float variances[4];
  int32_t first_class;                 // what listing heads call the first class
  int32_t listed_boxes;                // boxes that triples may choose
  float score_threshold, nms_threshold;
  int32_t max_detections;
  bool multi_label;
  bool clip;                           // boxes end at the border of the photo
} ht_detect_params;

// Memory for candidates; count and found begin at 0, is_heap as false.
typedef struct ht_candidates {
  ht_candidate* items;
  int32_t capacity;
  int32_t count;  // held now: in the order of finding while found <= capacity
  int32_t found;  // whose score was above the threshold; no more than capacity means that none was left out
  bool is_heap;   // the worst one is the first, and so on
} ht_candidates;

// Adds the candidates of all outputs, `outputs[i]` being the memory of params->outputs[i]. `place` may be null: boxes stay in
// pixels of the input and are not clipped.
void HT_FN(ht_detect_find)(const ht_detect_params* p, const void* const* outputs, const ht_detect_place* place, ht_candidates* candidates);
// Writes at most `most` boxes, best first, and returns how many. Changes the order of the candidates.
int32_t HT_FN(ht_detect_suppress)(ht_candidate* candidates, int32_t count, float threshold, int32_t most, ht_box* boxes);
// Both: at most max_detections boxes.
int32_t HT_FN(ht_detect)(const ht_detect_params* p, const void* const* outputs, const ht_detect_place* place, ht_candidate* memory,
                  int32_t capacity, ht_box* boxes);

// Intersection over union; 0 where both are empty.
float HT_FN(ht_box_overlap)(const ht_box* a, const ht_box* b);

#ifdef __cplusplus
}
#endif

#endif
