// SPDX-License-Identifier: Apache-2.0
// Channels that are stored in few bits, as ht_packed_dsp.h says.
#ifndef HT_SHORT_CHANNELS_DSP_H
#define HT_SHORT_CHANNELS_DSP_H

#include "kernels/cortex_m/ht_packed_dsp.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ht_short_channel {
  int32_t multiplier, shift, bias, zero_point;
} ht_short_channel;

// Reads `count` channels of a layer that has short ones, from the `first` one on, `stored` being where all of them begin.
void HT_FN(ht_short_channels_dsp)(const ht_layer_dsp* layer, const int8_t* stored, int32_t first, int32_t count,
                                  ht_short_channel* to);

#ifdef __cplusplus
}
#endif
#endif
