// SPDX-License-Identifier: Apache-2.0
#include "ht_element.h"

#define HT_LOAD(kind, type, value)                     \
  case kind: {                                         \
    const type* x = (const type*)from + at;            \
    for (int32_t i = 0; i < count; ++i, x += stride) { \
      to[i] = (value);                                 \
    }                                                  \
    break;                                             \
  }

void HT_FN(ht_load_integers)(int32_t type, const void* from, ptrdiff_t at, ptrdiff_t stride, int32_t count, int64_t* to) {
  switch (type) {
    HT_LOAD(HT_BOOL, uint8_t, *x != 0)
    HT_LOAD(HT_I8, int8_t, *x)
    HT_LOAD(HT_U8, uint8_t, *x)
    HT_LOAD(HT_I16, int16_t, *x)
    HT_LOAD(HT_U16, uint16_t, *x)
    HT_LOAD(HT_I32, int32_t, *x)
    HT_LOAD(HT_I64, int64_t, *x)
    default:
      break;
  }
}

#define HT_STORE(kind, type, value)                    \
  case kind: {                                         \
    type* y = (type*)to + at;                          \
    for (int32_t i = 0; i < count; ++i, y += stride) { \
      *y = (type)(value);                              \
    }                                                  \
    break;                                             \
  }

void HT_FN(ht_store_integers)(int32_t type, const int64_t* from, int32_t count, void* to, ptrdiff_t at, ptrdiff_t stride) {
  switch (type) {
    HT_STORE(HT_BOOL, uint8_t, from[i] != 0)
    HT_STORE(HT_I8, int8_t, from[i])
    HT_STORE(HT_U8, uint8_t, from[i])
    HT_STORE(HT_I16, int16_t, from[i])
    HT_STORE(HT_U16, uint16_t, from[i])
    HT_STORE(HT_I32, int32_t, from[i])
    HT_STORE(HT_I64, int64_t, from[i])
    default:
      break;
  }
}
