// SPDX-License-Identifier: Apache-2.0
// The one list of operator families. A row: attribute struct, folder, and which facets exist beside shape inference and the
// float reference: `float` steps of a plan, `integer` steps of a plan.
#pragma once

#define HT_OPS(X)                              \
  X(Conv, conv, true, true)                    \
  X(Gemm, gemm, true, true)                    \
  X(MatMul, matmul, true, true)                \
  X(BatchNormalization, batch_norm, true, false) \
  X(Unary, unary, true, true)                  \
  X(Binary, binary, true, true)                \
  X(Concat, concat, true, true)                \
  X(Slice, slice, true, true)                  \
  X(Reshape, reshape, true, true)              \
  X(Transpose, transpose, true, true)          \
  X(Pad, pad, true, true)                      \
  X(Pool, pool, true, true)                    \
  X(Resize, resize, true, true)                \
  X(Softmax, softmax, true, false)             \
  X(Reduce, reduce, true, false)               \
  X(Gather, gather, true, true)                \
  X(GatherElements, gather_elements, true, true) \
  X(GatherND, gather_nd, true, true)           \
  X(ScatterElements, scatter_elements, true, false) \
  X(ScatterND, scatter_nd, true, false)        \
  X(ArgExtreme, arg_extreme, true, false)      \
  X(TopK, top_k, true, false)                  \
  X(Cumulative, cumulative, true, false)       \
  X(Normalize, normalize, true, false)         \
  X(GridSample, grid_sample, true, false)      \
  X(RoiAlign, roi_align, true, false)          \
  X(Expand, expand, true, true)                \
  X(Where, where, true, false)                 \
  X(Cast, cast, true, false)                   \
  X(Convert, convert, true, true)
