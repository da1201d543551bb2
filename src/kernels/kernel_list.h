// SPDX-License-Identifier: Apache-2.0
// Every kernel of src/kernels/c once: its name and its parameters. Tables, registry and tests derive from this list.
#ifndef HT_KERNEL_LIST_H
#define HT_KERNEL_LIST_H

#include "kernels/c/ht_binary.h"
#include "kernels/c/ht_conv.h"
#include "kernels/c/ht_conv_f32.h"
#include "kernels/c/ht_conv_s16.h"
#include "kernels/c/ht_conv_w4.h"
#include "kernels/c/ht_conv_wide.h"
#include "kernels/c/ht_convert.h"
#include "kernels/c/ht_copy.h"
#include "kernels/c/ht_depthwise.h"
#include "kernels/c/ht_gemm.h"
#include "kernels/c/ht_index.h"
#include "kernels/c/ht_integer.h"
#include "kernels/c/ht_normalize.h"
#include "kernels/c/ht_pool.h"
#include "kernels/c/ht_reduce.h"
#include "kernels/c/ht_resample.h"
#include "kernels/c/ht_roi_align.h"
#include "kernels/c/ht_sample.h"
#include "kernels/c/ht_softmax.h"
#include "kernels/c/ht_table.h"
#include "kernels/c/ht_unary_f32.h"

// Those without and those with scratch memory.
#define HT_PLAIN_KERNELS(X)                 \
  X(binary, ht_binary_params)               \
  X(table, ht_table_params)                 \
  X(quantize, ht_convert_params)            \
  X(dequantize, ht_convert_params)          \
  X(quantize_s16, ht_convert_s16_params)    \
  X(dequantize_s16, ht_convert_s16_params)  \
  X(copy, ht_copy_params)                   \
  X(fill, ht_fill_params)                   \
  X(gather, ht_gather_params)               \
  X(resample, ht_resample_params)           \
  X(softmax, ht_softmax_params)             \
  X(depthwise_f32, ht_depthwise_f32_params) \
  X(gemm_f32, ht_gemm_f32_params)           \
  X(pool_f32, ht_pool_f32_params)           \
  X(unary_f32, ht_unary_f32_params)         \
  X(binary_f32, ht_binary_f32_params)       \
  X(reduce_f32, ht_reduce_f32_params)       \
  X(softmax_f32, ht_softmax_f32_params)     \
  X(resample_f32, ht_resample_params)       \
  X(binary_int, ht_binary_int_params)       \
  X(compare_f32, ht_compare_f32_params)     \
  X(unary_int, ht_unary_int_params)         \
  X(cast, ht_cast_params)                   \
  X(select, ht_select_params)               \
  X(reduce_int, ht_reduce_int_params)       \
  X(positions, ht_positions_params)         \
  X(take, ht_take_params)                   \
  X(put, ht_put_params)                     \
  X(argmax, ht_argmax_params)               \
  X(cumulative, ht_cumulative_params)       \
  X(normalize_f32, ht_normalize_f32_params) \
  X(sample_f32, ht_sample_f32_params)       \
  X(roi_align_f32, ht_roi_align_f32_params)

#define HT_SCRATCH_KERNELS(X)       \
  X(conv, ht_conv_params)           \
  X(conv_wide, ht_conv_wide_params) \
  X(conv_w4, ht_conv_w4_params)     \
  X(conv_s16, ht_conv_s16_params)   \
  X(depthwise_s16, ht_depthwise_s16_params) \
  X(depthwise, ht_depthwise_params) \
  X(gemm, ht_gemm_params)           \
  X(pool, ht_pool_params)           \
  X(conv_f32, ht_conv_f32_params)   \
  X(topk, ht_topk_params)

#define HT_KERNELS(X)   \
  HT_SCRATCH_KERNELS(X) \
  HT_PLAIN_KERNELS(X)

#endif
