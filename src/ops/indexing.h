// SPDX-License-Identifier: Apache-2.0
// Tensors addressed by indices: what the gathers and scatters with tuples or per-element indices share.
#pragma once

#include "ir/op.h"
#include "ops/common.h"
#include "ops/steps.h"

namespace ht {

// Indices seen as a grid of tuples. The tuple at p addresses the element (of the data tensor, row-major) at
// sum over the grid's axes of p[axis] * own_strides[axis] + sum over k of index[k] * strides[k], where `inner` elements begin.
struct IndexGrid {
  Shape shape, own_strides;
  Ints sizes, strides;  // of the axes that the members of a tuple count along
  int64_t inner = 1;
  int64_t outer = 1, outer_stride = 0;  // all of it once more for each of `outer` parts of the data (when reading only)
};
IndexGrid grid_of_elements(const Shape& data, const Shape& indices, int64_t axis);
IndexGrid grid_of_tuples(const Shape& data, const Shape& indices, int64_t batch_dims);

// The indices are i32 or i64; constant ones must be inside of the axes.
Status check_index_input(const InferInput& indices, const IndexGrid& grid);
Status check_elements(const Shape& data, const Shape& indices, int64_t axis);
Status check_tuples(const Shape& data, const Shape& indices, int64_t batch_dims);

// The position in the data of each tuple; an error where an index is outside.
Result<std::vector<int64_t>> positions_of(const IndexGrid& grid, const Tensor& indices);
// Writes rows of updates to the positions of a copy of the data.
Status scatter(const IndexGrid& grid, ScatterReduction reduction, InputTensors inputs, Tensor& output);

// Steps. The index input is the node's second; the last step writes the node's output.
Status prepare_take(const IndexGrid& grid, PrepareContext& context);
Status prepare_put(const IndexGrid& grid, ScatterReduction reduction, PrepareContext& context);

}  // namespace ht
