// SPDX-License-Identifier: Apache-2.0
// Convolutions with Helium instructions, bit for bit c/ht_conv.c. They read p->packed instead of weights, bias and, all but the
// last, the epilogue's arrays; p->padding is read where there are taps outside.
//
// Packed: ht_layer_mve; ht_block_mve every four channels of a group; then the weights by groups: by four channels sixteen weights of
// each, then the next sixteen, at the end what is left of each; then those of the last one to three channels, one after another; and
// sixteen bytes that may be read.
#ifndef HT_CONV_MVE_H
#define HT_CONV_MVE_H

#include "kernels/c/ht_conv.h"

#ifdef __cplusplus
extern "C" {
#endif

size_t HT_FN(ht_conv_mve_scratch)(const ht_conv_params* p);
size_t HT_FN(ht_conv_mve_activated_scratch)(const ht_conv_params* p);
size_t HT_FN(ht_conv_mve_any_scratch)(const ht_conv_params* p);

void HT_FN(ht_conv_mve)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end);
void HT_FN(ht_conv_mve_activated)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end);  // ht_activated.h
void HT_FN(ht_conv_mve_any)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end);  // any epilogue

#ifdef __cplusplus
}
#endif
#endif
