// SPDX-License-Identifier: Apache-2.0
#ifndef HT_TAPS_H
#define HT_TAPS_H

#include <stdint.h>

typedef struct ht_taps {
  int32_t first, last;
} ht_taps;

// The taps [first, last) along one axis that lie inside of the input, for a filter whose first tap is at `start`.
static inline ht_taps ht_taps_inside(int32_t start, int32_t dilation, int32_t kernel, int32_t size) {
  ht_taps t = {0, kernel};
  if (start < 0) t.first = (-start + dilation - 1) / dilation;
  if (start + (kernel - 1) * dilation >= size) t.last = start < size ? (size - start + dilation - 1) / dilation : 0;
  return t;
}

#endif
