// SPDX-License-Identifier: Apache-2.0
// Sums of floats in a stated order: element i goes to partial sum i mod 16, and those are added in halves
// (0+8, 1+9, ..; then 0+4, ..; 0+2, ..; 0+1). Sixteen lanes suit every vector width.
#ifndef HT_SUM_H
#define HT_SUM_H

#include "ht_kernel.h"

enum { HT_LANES = 16 };

static inline float ht_add_lanes(const float* lanes) {
  float half[HT_LANES / 2];
  for (int32_t l = 0; l < 8; ++l) half[l] = lanes[l] + lanes[l + 8];
  for (int32_t l = 0; l < 4; ++l) half[l] = half[l] + half[l + 4];
  return (half[0] + half[2]) + (half[1] + half[3]);
}

static inline float ht_sum_f32(const float* x, int32_t n) {
  float lanes[HT_LANES] = {0};
  int32_t i = 0;
  for (; i + HT_LANES <= n; i += HT_LANES)
    for (int32_t l = 0; l < HT_LANES; ++l) lanes[l] += x[i + l];
  for (int32_t l = 0; i < n; ++i, ++l) lanes[l] += x[i];
  return ht_add_lanes(lanes);
}

static inline float ht_dot_f32(const float* HT_RESTRICT x, const float* HT_RESTRICT y, int32_t n) {
  float lanes[HT_LANES] = {0};
  int32_t i = 0;
  for (; i + HT_LANES <= n; i += HT_LANES)
    for (int32_t l = 0; l < HT_LANES; ++l) lanes[l] += x[i + l] * y[i + l];
  for (int32_t l = 0; i < n; ++i, ++l) lanes[l] += x[i] * y[i];
  return ht_add_lanes(lanes);
}

static inline float ht_maximum_f32(const float* x, int32_t n) {
  float most = x[0];
  for (int32_t i = 1; i < n; ++i) most = x[i] > most ? x[i] : most;
  return most;
}

#endif
