// SPDX-License-Identifier: Apache-2.0
// The windows of a pool.
#ifndef HT_WINDOW_H
#define HT_WINDOW_H

#include "ht_kernel.h"

// The taps [first, last) of one axis that are inside of the input, and how many count for the divisor.
typedef struct ht_window {
  int32_t start, first, last, counted;
} ht_window;

static inline ht_window ht_clip_window(int32_t position, int32_t stride, int32_t pad_before, int32_t pad_after, int32_t dilation,
                                       int32_t kernel, int32_t size, int32_t count_padding) {
  ht_window w = {position * stride - pad_before, kernel, 0, 0};
  for (int32_t k = 0; k < kernel; ++k) {
    const int32_t at = w.start + k * dilation;
    if (at >= 0 && at < size) {
      if (w.first > k) w.first = k;
      w.last = k + 1;
    }
    w.counted += at < size + pad_after ? 1 : 0;
  }
  if (!count_padding) w.counted = w.last - w.first;
  return w;
}

#endif
