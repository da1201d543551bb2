// SPDX-License-Identifier: Apache-2.0
// The values of a tensor that is read or written outside of a network's own steps: at its input and its outputs.
#ifndef HT_VALUES_H
#define HT_VALUES_H

#include "ht_kernel.h"

enum { HT_VALUES_F32, HT_VALUES_S8, HT_VALUES_U8, HT_VALUES_S16 };

// Value v of location i is element i * location_step + v * value_step. Integers stand for float(q - zero_point) * scale, each of
// both at index v * scale_step: 1 for a scale a value, 0 for one.
typedef struct ht_values {
  const void* data;
  int32_t type;  // HT_VALUES_F32 ...
  int32_t location_step, value_step, scale_step;
  const float* scale;
  const int32_t* zero_point;
} ht_values;

static inline ptrdiff_t ht_value_place(const ht_values* v, int32_t location, int32_t index) {
  return (ptrdiff_t)location * v->location_step + (ptrdiff_t)index * v->value_step;
}

// Of integers alone.
static inline int32_t ht_value_integer(const ht_values* v, int32_t location, int32_t index) {
  const ptrdiff_t place = ht_value_place(v, location, index);
  if (v->type == HT_VALUES_S8) return ((const int8_t*)v->data)[place];
  if (v->type == HT_VALUES_U8) return ((const uint8_t*)v->data)[place];
  return ((const int16_t*)v->data)[place];
}

static inline float ht_value(const ht_values* v, int32_t location, int32_t index) {
  if (v->type == HT_VALUES_F32) return ((const float*)v->data)[ht_value_place(v, location, index)];
  const int32_t channel = index * v->scale_step;
  return (float)(ht_value_integer(v, location, index) - v->zero_point[channel]) * v->scale[channel];
}

#endif
