// SPDX-License-Identifier: Apache-2.0
// Depthwise convolutions with DSP instructions, bit for bit c/ht_depthwise.c. They read p->packed instead of weights, bias and,
// all but the last, the epilogue's arrays; p->padding is read where there are taps outside and channels differ in it.
//
// Packed: ht_layer_dsp and channels' bounds; every four channels an ht_quad_dsp, ht_own_quad_dsp or ht_sum_quad_dsp, the last one
// filled up; then the weights, by four channels: columns of the filter from left to right, in each its rows, in each four bytes.
#ifndef HT_DEPTHWISE_DSP_H
#define HT_DEPTHWISE_DSP_H

#include "kernels/c/ht_depthwise.h"

#ifdef __cplusplus
extern "C" {
#endif

size_t HT_FN(ht_depthwise_dsp_scratch)(const ht_depthwise_params* p);
size_t HT_FN(ht_depthwise_dsp_own_scratch)(const ht_depthwise_params* p);
size_t HT_FN(ht_depthwise_dsp_activated_scratch)(const ht_depthwise_params* p);
size_t HT_FN(ht_depthwise_dsp_any_scratch)(const ht_depthwise_params* p);

void HT_FN(ht_depthwise_dsp)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end);
void HT_FN(ht_depthwise_dsp_own)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin,
                                 int32_t end);  // zero points of channels' own
void HT_FN(ht_depthwise_dsp_activated)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end);  // ht_activated.h
void HT_FN(ht_depthwise_dsp_any)(const ht_depthwise_params* p, const ht_arguments* a, int32_t begin, int32_t end);  // any epilogue

#ifdef __cplusplus
}
#endif
#endif
