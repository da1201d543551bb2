// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions with Helium instructions, bit for bit c/ht_depthwise.c. They read p->packed instead of weights, bias and, all
// but the last, the epilogue's arrays; p->padding is read where there are taps outside.
//
// They take layers of eight channels at least, a channel multiplier of 1, and weights of which no two taps that are added up in 16
// bits (the first and the second, the third and the fourth ...) are both -128.
//
// Packed: ht_layer_mve; ht_eight_mve every eight channels; then the weights, by eight channels those of one tap after another. The last
// eight channels are the last ones of the layer, some of which may be in the eight before as well.
#ifndef HT_DEPTHWISE_MVE_H
#define HT_DEPTHWISE_MVE_H

#include "kernels/c/ht_depthwise.h"

#ifdef __cplusplus
extern "C" {
#endif

size_t HT_FN(ht_depthwise_mve_scratch)(const ht_depthwise_params* p);
size_t HT_FN(ht_depthwise_mve_activated_scratch)(const ht_depthwise_params* p);
size_t HT_FN(ht_depthwise_mve_any_scratch)(const ht_depthwise_params* p);

void HT_FN(ht_depthwise_mve)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end);
void HT_FN(ht_depthwise_mve_activated)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end);  // ht_activated.h
void HT_FN(ht_depthwise_mve_any)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end);  // any epilogue

#ifdef __cplusplus
}
#endif
#endif
