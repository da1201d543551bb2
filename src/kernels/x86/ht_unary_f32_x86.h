// SPDX-License-Identifier: Apache-2.0
#ifndef HT_UNARY_F32_X86_H
#define HT_UNARY_F32_X86_H

#include "kernels/x86/ht_elements_x86.h"

// How many floats are left to the normative kernel where one is not of the range that a faster form is for: others are likely to
// be near it, and a call for a few is slow.
enum { HT_UNARY_RUN = 256 };

// The normative kernel on `count` floats from `first` on.
static inline void ht_unary_f32_some(const ht_unary_f32_params* p, const ht_arguments* a, int32_t first, int32_t count) {
  const ht_unary_f32_params some = {p->kind, count, p->alpha, p->beta};
  const ht_arguments here = {{(const float*)a->inputs[0] + first}, (float*)a->output + first, a->scratch};
  HT_FN(ht_unary_f32)(&some, &here, 0, ht_unary_f32_units(&some));
}

#endif
