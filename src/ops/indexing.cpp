// SPDX-License-Identifier: Apache-2.0
#include "ops/indexing.h"

#include <algorithm>

namespace ht {

IndexGrid grid_of_elements(const Shape& data, const Shape& indices, int64_t axis) {
  const auto a = static_cast<size_t>(axis);
  IndexGrid grid{indices, strides_of(data), {data[a]}, {strides_of(data)[a]}, 1, 1, 0};
  grid.own_strides[a] = 0;
  return grid;
}

IndexGrid grid_of_tuples(const Shape& data, const Shape& indices, int64_t batch_dims) {
  const auto batch = static_cast<size_t>(batch_dims);
  const auto depth = static_cast<size_t>(indices.back());
  const Shape strides = strides_of(data);
  IndexGrid grid{{indices.begin(), indices.end() - 1}, Shape(indices.size() - 1, 0), {}, {}, 1, 1, 0};
  std::copy_n(strides.begin(), batch, grid.own_strides.begin());
  for (size_t axis = batch; axis < batch + depth; ++axis) {
    grid.sizes.push_back(data[axis]);
    grid.strides.push_back(strides[axis]);
  }
  for (size_t axis = batch + depth; axis < data.size(); ++axis) grid.inner *= data[axis];
  return grid;
}

Status check_index_input(const InferInput& indices, const IndexGrid& grid) {
  const DType dtype = indices.type->dtype;
  if (dtype != DType::kInt32 && dtype != DType::kInt64)
    return input_error("input 1 has the element type {}; indices are i32 or i64", dtype_name(dtype));
  if (element_count(grid.shape) > 0 && std::ranges::find(grid.sizes, 0) != grid.sizes.end())
    return input_error("its indices address an axis without elements");
  if (indices.constant) HT_TRY(positions_of(grid, *indices.constant));
  return {};
}

Status check_elements(const Shape& data, const Shape& indices, int64_t axis) {
  HT_TRY(check_axis(axis, data.size()));
  bool fits = indices.size() == data.size();
  for (size_t i = 0; fits && i < data.size(); ++i) fits = static_cast<int64_t>(i) == axis || indices[i] <= data[i];
  if (!fits) return input_error("the indices' shape {} does not fit the data's {}", shape_text(indices), shape_text(data));
  return {};
}

Status check_tuples(const Shape& data, const Shape& indices, int64_t batch_dims) {
  if (indices.empty() || data.empty()) return input_error("the data and the indices must have an axis");
  const auto rank = static_cast<int64_t>(std::min(data.size(), indices.size()));
  if (batch_dims < 0 || batch_dims >= rank)
    return input_error("{} batch axes of the shapes {} and {}", batch_dims, shape_text(data), shape_text(indices));
  if (!std::equal(data.begin(), data.begin() + batch_dims, indices.begin()))
    return input_error("the shapes {} and {} differ in the batch axes", shape_text(data), shape_text(indices));
  const int64_t depth = indices.back();
  if (depth < 1 || depth > static_cast<int64_t>(data.size()) - batch_dims)
    return input_error("tuples of {} indices for data of shape {}", depth, shape_text(data));
  return {};
}

Result<std::vector<int64_t>> positions_of(const IndexGrid& grid, const Tensor& indices) {
  const std::vector<int64_t> all = indices.to_int64s();
  std::vector<std::vector<int64_t>> terms(grid.shape.size());
  for (size_t axis = 0; axis < terms.size(); ++axis)
    for (int64_t i = 0; i < grid.shape[axis]; ++i) terms[axis].push_back(i * grid.own_strides[axis]);
  std::vector<int64_t> positions = gather_positions(terms);
  const size_t depth = grid.sizes.size();
  for (size_t i = 0; i < positions.size(); ++i)
    for (size_t k = 0; k < depth; ++k) {
      const int64_t index = all[i * depth + k], size = grid.sizes[k];
      if (index < -size || index >= size) return input_error("the index {} is outside an axis of {} elements", index, size);
      positions[i] += (index < 0 ? index + size : index) * grid.strides[k];
    }
  return positions;
}

namespace {

double reduced(ScatterReduction reduction, double old, double x) {
  switch (reduction) {
    case ScatterReduction::kNone: break;
    case ScatterReduction::kAdd: return old + x;
    case ScatterReduction::kMul: return old * x;
    case ScatterReduction::kMax: return std::max(old, x);
    case ScatterReduction::kMin: return std::min(old, x);
  }
  return x;
}

int64_t reduced(ScatterReduction reduction, int64_t old, int64_t x) {
  const auto a = static_cast<uint64_t>(old), b = static_cast<uint64_t>(x);
  switch (reduction) {
    case ScatterReduction::kNone: break;
    case ScatterReduction::kAdd: return static_cast<int64_t>(a + b);
    case ScatterReduction::kMul: return static_cast<int64_t>(a * b);
    case ScatterReduction::kMax: return std::max(old, x);
    case ScatterReduction::kMin: return std::min(old, x);
  }
  return x;
}

int32_t kernel_reduction(ScatterReduction reduction) {
  switch (reduction) {
    case ScatterReduction::kNone: break;
    case ScatterReduction::kAdd: return HT_PUT_ADD;
    case ScatterReduction::kMul: return HT_PUT_MUL;
    case ScatterReduction::kMax: return HT_PUT_MAX;
    case ScatterReduction::kMin: return HT_PUT_MIN;
  }
  return HT_PUT_COPY;
}

}  // namespace

Status scatter(const IndexGrid& grid, ScatterReduction reduction, InputTensors inputs, Tensor& output) {
  HT_ASSIGN(const auto positions, positions_of(grid, *inputs[1]));
  auto apply = [&](auto out, const auto& updates) {
    const auto inner = static_cast<size_t>(grid.inner);
    for (size_t i = 0; i < positions.size() * inner; ++i) {
      auto& element = out[static_cast<size_t>(positions[i / inner]) + i % inner];
      element = reduced(reduction, element, updates[i]);
    }
    store(output, out);
  };
  if (is_float(output.dtype()))
    apply(inputs[0]->to_doubles(), inputs[2]->to_doubles());
  else
    apply(inputs[0]->to_int64s(), inputs[2]->to_int64s());
  return {};
}

namespace {

// The tuples' positions as int32, computed by a step of its own.
BufferId add_positions(const IndexGrid& grid, PrepareContext& context) {
  const BufferId indices = context.raw_input(1, Layout::kPlain);
  ht_positions_params params{};
  params.index_bytes = static_cast<int32_t>(dtype_size(context.buffer(indices).dtype));
  params.rank = static_cast<int32_t>(std::max<size_t>(grid.shape.size(), 1));
  params.shape[0] = 1;
  for (size_t axis = 0; axis < grid.shape.size(); ++axis) {
    params.shape[axis] = static_cast<int32_t>(grid.shape[axis]);
    params.own_stride[axis] = static_cast<int32_t>(grid.own_strides[axis]);
  }
  params.depth = static_cast<int32_t>(grid.sizes.size());
  for (size_t k = 0; k < grid.sizes.size(); ++k) {
    params.size[k] = static_cast<int32_t>(grid.sizes[k]);
    params.stride[k] = static_cast<int32_t>(grid.strides[k]);
  }
  const BufferId positions = context.temporary(context.input_value(1).name, DType::kInt32, grid.shape, Layout::kPlain);
  context.add(KernelId::k_positions, params, {}, {indices}, positions);
  return positions;
}

}  // namespace

Status prepare_take(const IndexGrid& grid, PrepareContext& context) {
  std::optional<Affine> moved = input_affine(context);
  if (moved && !moved->is_per_tensor()) moved.reset();
  const BufferId positions = add_positions(grid, context);
  HT_ASSIGN(const Move move, begin_move(context, Layout::kPlain, Layout::kPlain, moved));
  ht_take_params params{};
  params.element_bytes = static_cast<int32_t>(dtype_size(context.buffer(move.input).dtype));
  params.outer = static_cast<int32_t>(grid.outer);
  params.outer_stride = static_cast<int32_t>(grid.outer_stride);
  params.count = static_cast<int32_t>(element_count(grid.shape));
  params.inner = static_cast<int32_t>(grid.inner);
  context.add(KernelId::k_take, params, {}, {move.input, positions}, move.output);
  return {};
}

Status prepare_put(const IndexGrid& grid, ScatterReduction reduction, PrepareContext& context) {
  const BufferId positions = add_positions(grid, context);
  HT_ASSIGN(const Move move, begin_move(context, Layout::kPlain, Layout::kPlain, std::nullopt));
  const auto type = kernel_type(context.buffer(move.output).dtype);
  if (!type) return unsupported("elements of {} cannot be scattered at run time", dtype_name(context.buffer(move.output).dtype));
  const bool is_real = *type == HT_F32;
  const BufferId updates = is_real ? context.float_input(2, Layout::kPlain) : context.raw_input(2, Layout::kPlain);
  const int64_t count = element_count(context.output_value().type.shape);
  add_copy(context, {move.input, {1}, 0}, {move.output, {1}, 0}, {count}, {0});
  ht_put_params params{};
  params.reduction = kernel_reduction(reduction);
  params.type = *type;
  params.count = static_cast<int32_t>(element_count(grid.shape));
  params.inner = static_cast<int32_t>(grid.inner);
  context.add(KernelId::k_put, params, {}, {updates, positions}, move.output);
  return {};
}

}  // namespace ht
