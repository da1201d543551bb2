// SPDX-License-Identifier: Apache-2.0
#include "kernels/cortex_m/ht_clamp_dsp.h"

void HT_FN(ht_clamp_dsp)(const void* packed, int32_t channels, int32_t pixels, int32_t stride, void* output, int32_t pixel) {
  const ht_layer_dsp* layer = ht_layer_of(packed);
  if (layer->bounds == HT_BYTE_BOUNDS) return;
  const bool own = layer->bounds == HT_OWN_BOUNDS;
  const int8_t* minima = own ? (const int8_t*)(layer + 1) : &layer->minimum;
  const int8_t* maxima = own ? minima + channels : &layer->maximum;
  int8_t* values = (int8_t*)output + (size_t)pixel * (size_t)stride;
  for (; pixels > 0; --pixels, values += stride) {
    const int8_t *minimum = minima, *maximum = maxima;
    for (int32_t i = 0; i < channels; ++i, minimum += own, maximum += own) {
      const int8_t value = values[i];
      values[i] = value < *minimum ? *minimum : (value > *maximum ? *maximum : value);
    }
  }
}
