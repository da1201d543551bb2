// SPDX-License-Identifier: Apache-2.0
// A depthwise convolution's channels in blocks of sixteen, or one block of fewer where there are no more.
#ifndef HT_DEPTHWISE_BLOCKS_H
#define HT_DEPTHWISE_BLOCKS_H

#include "kernels/arm/ht_finish_neon.h"
#include "kernels/c/ht_depthwise.h"

static inline int32_t ht_depthwise_blocks(const ht_depthwise_params* p) {
  return (p->input_channels + HT_VECTOR - 1) / HT_VECTOR;
}

static inline int32_t ht_block_channels(const ht_depthwise_params* p) {
  return p->input_channels < HT_VECTOR ? p->input_channels : HT_VECTOR;
}

// The last block ends with the last channel, and so may share channels with the one before it.
static inline int32_t ht_first_channel(const ht_depthwise_params* p, int32_t block) {
  const int32_t last = p->input_channels - ht_block_channels(p);
  return block * HT_VECTOR < last ? block * HT_VECTOR : last;
}

#endif
