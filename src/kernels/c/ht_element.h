// SPDX-License-Identifier: Apache-2.0
// Elements that are not 8-bit quantized: kernels on them are told the type, work on int64 (integers, booleans) or on an order of
// integers (comparisons of any type), and narrow the result; integers wrap.
#ifndef HT_ELEMENT_H
#define HT_ELEMENT_H

#include "ht_kernel.h"

enum { HT_F32 = 0, HT_BOOL = 1, HT_I8 = 2, HT_U8 = 3, HT_I16 = 4, HT_U16 = 5, HT_I32 = 6, HT_I64 = 7 };

// Loads count integers that lie stride elements apart. A boolean counts as 0 or 1.
void HT_FN(ht_load_integers)(int32_t type, const void* from, ptrdiff_t at, ptrdiff_t stride, int32_t count, int64_t* to);
void HT_FN(ht_store_integers)(int32_t type, const int64_t* from, int32_t count, void* to, ptrdiff_t at, ptrdiff_t stride);

static inline int64_t ht_load_integer(int32_t type, const void* from, ptrdiff_t at) {
  int64_t value;
  HT_FN(ht_load_integers)(type, from, at, 1, 1, &value);
  return value;
}

static inline void ht_store_integer(int32_t type, int64_t value, void* to, ptrdiff_t at) {
  HT_FN(ht_store_integers)(type, &value, 1, to, at, 1);
}

// Integers that are ordered as the elements are: the two zeros are one, not-a-numbers lie beyond infinity of their sign.
static inline int64_t ht_order(int32_t type, const void* from, ptrdiff_t at) {
  if (type != HT_F32) return ht_load_integer(type, from, at);
  union {
    float value;
    int32_t bits;
  } u;
  u.value = ((const float*)from)[at] + 0.0f;
  return u.bits < 0 ? (int64_t)INT32_MIN - u.bits : u.bits;
}

// Arithmetic that wraps.
static inline int64_t ht_wrap(uint64_t x) { return (int64_t)x; }

#endif
