// SPDX-License-Identifier: Apache-2.0
#ifndef HT_CLAMP_DSP_H
#define HT_CLAMP_DSP_H

#include "kernels/cortex_m/ht_packed_dsp.h"

// Bounds `pixels` times `count` values, from channel `first` of `channels` on, that are within 8 bits; pixels lie `stride` apart.
HT_ALONE void ht_clamp_dsp(const ht_layer_dsp* layer, int32_t channels, int32_t first, int32_t pixels, int32_t stride, int32_t count,
                           int8_t* values) {
  const bool own = layer->bounds == HT_OWN_BOUNDS;
  const int8_t* minima = own ? (const int8_t*)(layer + 1) + first : &layer->minimum;
  const int8_t* maxima = own ? minima + channels : &layer->maximum;
  for (int32_t pixel = 0; pixel < pixels; ++pixel, values += stride)
    for (int32_t i = 0; i < count; ++i) {
      const int32_t value = values[i], minimum = minima[own ? i : 0], maximum = maxima[own ? i : 0];
      values[i] = (int8_t)(value < minimum ? minimum : (value > maximum ? maximum : value));
    }
}

#endif
