// SPDX-License-Identifier: Apache-2.0
// Convolutions with DSP instructions, bit for bit c/ht_conv.c. They read p->packed instead of weights, bias and, all but the
// last, the epilogue's arrays; p->padding is read where there are taps outside.
//
// Packed: ht_layer_dsp; ht_channel_dsp a channel; then the weights, by pairs of output channels of a group. A word has the
// weights of two channels, o and o + 1, for two inputs, k and k + 2, as halves that are to be multiplied with the halves of a
// word of inputs:
//
//   low half: w[o][k] + 256 * w[o + 1][k], high half: w[o][k + 2] + 256 * w[o + 1][k + 2]
//
// so that SXTB16 gives o's weights. Products with the halves as they are sum up to S[o] + 256 * S[o + 1] modulo 2^32, from which
// S[o + 1] follows as long as it has 24 bits. ht_conv_dsp takes layers that are known to have such sums; the others keep the
// bytes of o + 1 as they are and sign-extend them too.
//
// A row of the filter is `kernel_width * channels` inputs and as many zeros as make it a multiple of four; k runs over its rows.
#ifndef HT_CONV_DSP_H
#define HT_CONV_DSP_H

#include "kernels/c/ht_conv.h"

#ifdef __cplusplus
extern "C" {
#endif

size_t HT_FN(ht_conv_dsp_scratch)(const ht_conv_params* p);
size_t HT_FN(ht_conv_dsp_deep_scratch)(const ht_conv_params* p);
size_t HT_FN(ht_conv_dsp_activated_scratch)(const ht_conv_params* p);
size_t HT_FN(ht_conv_dsp_any_scratch)(const ht_conv_params* p);

void HT_FN(ht_conv_dsp)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end);
void HT_FN(ht_conv_dsp_deep)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end);  // any sums
void HT_FN(ht_conv_dsp_activated)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end);  // ht_activated.h
void HT_FN(ht_conv_dsp_any)(const ht_conv_params* p, const ht_arguments* a, int32_t begin, int32_t end);   // and any epilogue

#ifdef __cplusplus
}
#endif
#endif
