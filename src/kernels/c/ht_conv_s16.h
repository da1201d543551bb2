// SPDX-License-Identifier: Apache-2.0
#ifndef HT_CONV_S16_H
#define HT_CONV_S16_H

#include "ht_conv.h"
#include "ht_depthwise.h"
#include "ht_finish_s16.h"

#ifdef __cplusplus
extern "C" {
#endif

// ht_conv and ht_depthwise on int16 inputs: `bias` and `padding` take the place of theirs, sums have 64 bits, and the epilogue's
// output is HT_OUTPUT_S16 or HT_OUTPUT_F32. |sum| < 2^47.
typedef struct ht_conv_s16_params {
  ht_conv_params conv;
  const int64_t* bias;
  const int16_t* padding;
  ht_output_s16 output;
  const void* packed;  // what the variant's pack() wrote, NULL where it has none
} ht_conv_s16_params;

typedef struct ht_depthwise_s16_params {
  ht_depthwise_params depthwise;
  const int64_t* bias;
  const int16_t* padding;
  ht_output_s16 output;
} ht_depthwise_s16_params;

static inline int32_t ht_conv_s16_units(const ht_conv_s16_params* p) { return ht_conv_units(&p->conv); }
size_t HT_FN(ht_conv_s16_scratch)(const ht_conv_s16_params* p);
void HT_FN(ht_conv_s16)(const ht_conv_s16_params* p, const ht_arguments* a, int32_t begin, int32_t end);

static inline int32_t ht_depthwise_s16_units(const ht_depthwise_s16_params* p) { return ht_depthwise_units(&p->depthwise); }
size_t HT_FN(ht_depthwise_s16_scratch)(const ht_depthwise_s16_params* p);
void HT_FN(ht_depthwise_s16)(const ht_depthwise_s16_params* p, const ht_arguments* a, int32_t begin, int32_t end);

#ifdef __cplusplus
}
#endif
#endif
