// SPDX-License-Identifier: Apache-2.0
// What becomes of sums that are stored: any epilogue or, where the including file says so by HT_ACTIVATED (0 or 1), that of ht_activated.h.
#ifndef HT_FINISH_SUMS_H
#define HT_FINISH_SUMS_H

#include "kernels/cortex_m/ht_activated.h"

// Of `channels` channels in all, those from `first` on.
static inline void ht_finish_sums(const ht_epilogue* e, const void* packed, int32_t channels, int32_t first, int32_t count, int32_t* sums,
                                  void* output, size_t at) {
#if HT_ACTIVATED
  ht_finish_activated(ht_activated_of(packed, channels), e->activation, first, count, sums, (int8_t*)output + at);
#else
  (void)packed, (void)channels;
  ht_finish(e, first, count, sums, output, at);
#endif
}

#endif
