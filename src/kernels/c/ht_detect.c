// SPDX-License-Identifier: Apache-2.0
#include "ht_detect.h"

#include "ht_math.h"

static bool is_finite(float x) { return ht_abs(x) <= FLT_MAX; }

// ---- candidates ----

static bool is_better(const ht_candidate* a, const ht_candidate* b) {
  return a->box.score != b->box.score ? a->box.score > b->box.score : a->order < b->order;
}

// A heap's root is the best of all, or, with worst_first, the worst.
static void sift_down(ht_candidate* heap, int32_t count, int32_t root, bool worst_first) {
  const ht_candidate moved = heap[root];
  for (int32_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
    if (child + 1 < count && is_better(&heap[child + 1], &heap[child]) != worst_first) child++;
    if (is_better(&heap[child], &moved) == worst_first) break;
    heap[root] = heap[child];
    root = child;
  }
  heap[root] = moved;
}

static void make_heap(ht_candidate* items, int32_t count, bool worst_first) {
  for (int32_t root = count / 2 - 1; root >= 0; root--) sift_down(items, count, root, worst_first);
}

// Whether a candidate with that score, found last, would be held.
static bool has_room(ht_candidates* c, float score) {
  if (c->count < c->capacity) return true;
  if (c->capacity == 0) return false;
  if (!c->is_heap) make_heap(c->items, c->count, true);
  c->is_heap = true;
  return score > c->items[0].box.score;
}

// Where there is no more room, in place of the worst.
static void hold(ht_candidates* c, const ht_box* box) {
  const bool full = c->count == c->capacity;
  ht_candidate* item = full ? &c->items[0] : &c->items[c->count++];
  item->box = *box;
  item->order = c->found;
  if (full) sift_down(c->items, c->count, 0, true);
}

// ---- where a box lies on the photo ----

static float clamp_f32(float x, float low, float high) { return x < low ? low : (high < x ? high : x); }

// False where a side is not a finite float.
static bool bring_to_photo(const ht_detect_params* p, const ht_detect_place* place, float sides[4]) {
  for (int32_t k = 0; k < 4; k++) {
    if (!is_finite(sides[k])) return false;
    if (place == NULL) continue;
    const bool vertical = (k & 1) != 0;
    const double offset = vertical ? place->offset_y : place->offset_x, scale = vertical ? place->scale_y : place->scale_x;
    const double side = ((double)sides[k] - offset) / scale;
    if (!(side >= -(double)FLT_MAX && side <= (double)FLT_MAX)) return false;
    sides[k] = (float)side;
    if (p->clip) sides[k] = clamp_f32(sides[k], 0.0f, vertical ? place->height : place->width);
  }
  return true;
}

// ---- scores ----

// Not-a-number where the value is not finite.
static float apply(ht_detect_function function, float value) {
  if (!is_finite(value)) return ht_float_of(0x7fc00000u);
  return function == NULL ? value : function(value);
}

static void total_softmax(ht_detect_cell* cell) {
  const ht_detect_params* p = cell->params;
  const int32_t first = -p->softmax_before, end = first + p->softmax_columns;
  cell->highest = ht_value(&cell->classes, cell->location, first);
  for (int32_t c = first + 1; c < end; c++) {
    const float value = ht_value(&cell->classes, cell->location, c);
    cell->highest = cell->highest < value ? value : cell->highest;
  }
  cell->total = 0.0f;
  for (int32_t c = first; c < end; c++) cell->total += ht_exp(ht_value(&cell->classes, cell->location, c) - cell->highest);
}

// What the classes of a location share.
static void enter(ht_detect_cell* cell) {
  const ht_detect_params* p = cell->params;
  if (p->names == NULL && cell->object.data != NULL)
    cell->object_score = apply(p->object_function, ht_value(&cell->object, cell->location, 0));
  if (p->softmax_columns > 0) total_softmax(cell);
}

static float score_of(const ht_detect_cell* cell, float value) {
  const ht_detect_params* p = cell->params;
  const float probability =
      p->softmax_columns > 0 ? ht_exp(value - cell->highest) / cell->total : apply(p->class_function, value);
  return p->names == NULL && cell->object.data != NULL ? cell->object_score * probability : probability;
}

// ---- from locations to candidates ----

static void consider(const ht_detect_cell* cell, int32_t class_index, float value, const ht_detect_place* place, ht_candidates* c) {
  ht_box box;
  float sides[4];
  box.score = score_of(cell, value);
  if (!is_finite(box.score) || !(box.score > cell->params->score_threshold)) return;
  box.class_index = class_index;
  c->found++;
  if (!has_room(c, box.score)) return;
  cell->params->boxes(cell, sides);
  if (!bring_to_photo(cell->params, place, sides)) return;
  box.x0 = sides[0];
  box.y0 = sides[1];
  box.x1 = sides[2];
  box.y1 = sides[3];
  hold(c, &box);
}

// The first class of the highest value; -1 where none is above minus infinity.
static int32_t best_float(const float* values, int32_t step, int32_t count) {
  float highest = ht_float_of(0xff800000u);
  int32_t best = -1;
  for (int32_t c = 0; c < count; c++) {
    const float value = values[(ptrdiff_t)c * step];
    if (!(value > highest)) continue;
    highest = value;
    best = c;
  }
  return best;
}

static int32_t best_s8(const int8_t* values, int32_t step, int32_t count) {
  int32_t highest = INT8_MIN - 1, best = 0;
  for (int32_t c = 0; c < count; c++) {
    const int32_t value = values[(ptrdiff_t)c * step];
    if (value <= highest) continue;
    highest = value;
    best = c;
  }
  return best;
}

static int32_t best_value(const ht_values* classes, int32_t location, int32_t count) {
  int32_t best = 0;
  for (int32_t c = 1; c < count; c++)
    if (ht_value(classes, location, c) > ht_value(classes, location, best)) best = c;
  return best;
}

static int32_t best_class(const ht_values* classes, int32_t location, int32_t count) {
  const ptrdiff_t place = ht_value_place(classes, location, 0);
  if (classes->type == HT_VALUES_F32) return best_float((const float*)classes->data + place, classes->value_step, count);
  if (classes->type == HT_VALUES_S8 && classes->scale_step == 0)
    return best_s8((const int8_t*)classes->data + place, classes->value_step, count);
  return best_value(classes, location, count);
}

static bool may_count(const ht_values* values, int32_t location, int32_t index, int32_t least) {
  return least == INT32_MIN || ht_value_integer(values, location, index) >= least;
}

static void find_best(ht_detect_cell* cell, const ht_detect_place* place, ht_candidates* c) {
  const int32_t best = best_class(&cell->classes, cell->location, cell->params->class_count);
  if (best < 0 || !may_count(&cell->classes, cell->location, best, cell->level->least_class)) return;
  enter(cell);
  consider(cell, best, ht_value(&cell->classes, cell->location, best), place, c);
}

static void find_each(ht_detect_cell* cell, const ht_detect_place* place, ht_candidates* c) {
  bool entered = false;
  for (int32_t k = 0; k < cell->params->class_count; k++) {
    if (!may_count(&cell->classes, cell->location, k, cell->level->least_class)) continue;
    if (!entered) enter(cell);
    entered = true;
    consider(cell, k, ht_value(&cell->classes, cell->location, k), place, c);
  }
}

static void find_named(ht_detect_cell* cell, const ht_detect_place* place, ht_candidates* c) {
  int32_t class_index;
  float value;
  if (cell->params->names(cell, &class_index, &value)) consider(cell, class_index, value, place, c);
}

static const char* address_of(const void* data, int32_t type, int32_t first) {
  const size_t sizes[] = {sizeof(float), 1, 1, sizeof(int16_t)};
  return (const char*)data + (size_t)first * sizes[type];
}

static ht_values values_of(const ht_detect_params* p, const void* const* outputs, const ht_detect_view* view) {
  ht_values v = {NULL, HT_VALUES_F32, 0, 0, 0, NULL, NULL};
  if (view->output < 0) return v;
  const ht_detect_output* output = &p->outputs[view->output];
  v.data = address_of(outputs[view->output], output->type, view->first);
  v.type = output->type;
  v.location_step = view->location_step;
  v.value_step = view->value_step;
  if (output->type == HT_VALUES_F32) return v;
  v.scale_step = output->scale_step;
  v.scale = output->scale + (ptrdiff_t)view->channel * output->scale_step;
  v.zero_point = output->zero_point + (ptrdiff_t)view->channel * output->scale_step;
  return v;
}

void HT_FN(ht_detect_find)(const ht_detect_params* p, const void* const* outputs, const ht_detect_place* place, ht_candidates* candidates) {
  for (int32_t i = 0; i < p->level_count; i++) {
    const ht_detect_level* level = &p->levels[i];
    ht_detect_cell cell;
    cell.params = p;
    cell.level = level;
    cell.boxes = values_of(p, outputs, &level->boxes);
    cell.classes = values_of(p, outputs, &level->classes);
    cell.object = values_of(p, outputs, &level->object);
    cell.more = values_of(p, outputs, &level->more);
    cell.object_score = cell.highest = cell.total = 0.0f;
    for (int32_t location = 0; location < level->locations; location++) {
      if (!may_count(&cell.object, location, 0, level->least_object)) continue;
      cell.location = location;
      if (p->names != NULL) {
        find_named(&cell, place, candidates);
      } else if (p->multi_label) {
        find_each(&cell, place, candidates);
      } else {
        find_best(&cell, place, candidates);
      }
    }
  }
}

// ---- suppression ----

// As std::min and std::max choose: the first one where neither is smaller.
static float smaller(float a, float b) { return b < a ? b : a; }
static float larger(float a, float b) { return a < b ? b : a; }

static float area(const ht_box* box) { return larger(box->x1 - box->x0, 0.0f) * larger(box->y1 - box->y0, 0.0f); }

float HT_FN(ht_box_overlap)(const ht_box* a, const ht_box* b) {
  const float width = larger(smaller(a->x1, b->x1) - larger(a->x0, b->x0), 0.0f);
  const float height = larger(smaller(a->y1, b->y1) - larger(a->y0, b->y0), 0.0f);
  const float common = width * height;
  return common / larger(area(a) + area(b) - common, 1e-9f);
}

static bool is_covered(const ht_box* box, const ht_box* better, int32_t count, float threshold) {
  for (int32_t i = 0; i < count; i++)
    if (better[i].class_index == box->class_index && HT_FN(ht_box_overlap)(&better[i], box) > threshold) return true;
  return false;
}

int32_t HT_FN(ht_detect_suppress)(ht_candidate* candidates, int32_t count, float threshold, int32_t most, ht_box* boxes) {
  int32_t kept = 0;
  // A heap, not a sort: most calls end long before the last candidate.
  make_heap(candidates, count, false);
  while (count > 0 && kept < most) {
    const ht_box best = candidates[0].box;
    candidates[0] = candidates[--count];
    if (count > 0) sift_down(candidates, count, 0, false);
    if (!is_covered(&best, boxes, kept, threshold)) boxes[kept++] = best;
  }
  return kept;
}

int32_t HT_FN(ht_detect)(const ht_detect_params* p, const void* const* outputs, const ht_detect_place* place, ht_candidate* memory,
                  int32_t capacity, ht_box* boxes) {
  ht_candidates candidates = {memory, capacity, 0, 0, false};
  HT_FN(ht_detect_find)(p, outputs, place, &candidates);
  return HT_FN(ht_detect_suppress)(memory, candidates.count, p->nms_threshold, p->max_detections, boxes);
}
