// SPDX-License-Identifier: Apache-2.0
#include "ir/dequantize.h"
#include "ops/inner_product.h"
#include "ops/matrix.h"
#include "ops/prepare.h"

namespace ht {
namespace {

// Copies the matrices of an operand into a buffer [batch..., rows, columns], broadcast over the batch axes and, where asked,
// transposed.
BufferId spread_matrices(PrepareContext& context, BufferId source, const Shape& batch, bool transpose) {
  const Shape shape = context.buffer(source).shape;
  const size_t rank = batch.size() + 2;
  Shape strides(rank, 0), target(batch);
  const Shape own = strides_of(shape);
  const size_t own_batch = shape.size() - 2;
  for (size_t i = 0; i < own_batch; ++i)
    if (shape[i] != 1) strides[batch.size() - own_batch + i] = own[i];
  const size_t rows = transpose ? 1 : 0, columns = transpose ? 0 : 1;
  target.push_back(shape[own_batch + rows]);
  target.push_back(shape[own_batch + columns]);
  strides[rank - 2] = own[own_batch + rows];
  strides[rank - 1] = own[own_batch + columns];
  const std::string name = context.buffer(source).name;
  const BufferId copy = context.temporary(name, context.buffer(source).dtype, target, Layout::kPlain);
  std::vector<size_t> order(rank);
  for (size_t i = 0; i < rank; ++i) order[i] = i;
  add_copy(context, {source, strides, 0}, whole(context, copy), target, order);
  return copy;
}

// What both kernels of batched products are told.
template <class Params>
Params product_params(const MatrixShape& shape) {
  Params params{};
  params.batch = static_cast<int32_t>(shape.batch);
  params.rows = static_cast<int32_t>(shape.rows);
  params.columns = params.output_stride = static_cast<int32_t>(shape.columns);
  params.depth = params.a_stride = params.b_stride = static_cast<int32_t>(shape.depth);
  params.a_batch_stride = params.rows * params.depth;
  params.b_batch_stride = params.columns * params.depth;
  params.output_batch_stride = params.rows * params.columns;
  return params;
}

// Whether both operands are integers with one scale each, whose sums stay within int32.
bool are_integer_matrices(const TensorType& a, const TensorType& b, const MatrixShape& shape) {
  constexpr int64_t kDeepest = 1 << 14;
  return is_8bit(a) && is_8bit(b) && a.affine->is_per_tensor() && b.affine->is_per_tensor() && shape.depth <= kDeepest;
}

Status prepare_integer(PrepareContext& context, const MatrixShape& shape, BufferId left, BufferId right) {
  const Affine a = stored_affine(context.input_value(0).type), b = stored_affine(context.input_value(1).type);
  InnerProduct product;
  product.sum_scale.assign(static_cast<size_t>(shape.columns), a.scales()[0] * b.scales()[0]);
  HT_ASSIGN(ProductOutput output, product_output(context, product, Layout::kPlain));
  std::vector<std::shared_ptr<const void>> arrays;
  auto params = product_params<ht_gemm_params>(shape);
  params.a_zero_point = a.zero_points()[0];
  params.b_zero_point = b.zero_points()[0];
  params.epilogue = keep(arrays, std::move(output.epilogue));
  context.add(KernelId::k_gemm, params, std::move(arrays), {left, right}, output.buffer, shape.batch * shape.rows * shape.columns * shape.depth);
  return {};
}

}  // namespace

Status prepare(const MatMul&, PrepareContext& context) {
  const Shape& a = context.input_value(0).type.shape;
  const Value& b = context.input_value(1);
  if (a.size() < 2 || b.type.shape.size() < 2) return unsupported("a product with a vector cannot be computed; give both operands two axes or more");
  MatrixShape shape{1, a[a.size() - 2], b.type.shape.back(), a.back()};
  if (b.constant && b.type.shape.size() == 2) {
    shape.rows = element_count(a) / std::max<int64_t>(1, shape.depth);
    HT_ASSIGN(const MatrixWeights weights, matrix_weights(b, false));
    HT_ASSIGN(const bool done, add_integer_product(context, shape, weights, nullptr));
    if (done) return {};
    const BufferId left = context.float_input(0, Layout::kPlain);
    HT_ASSIGN(const BufferId output, context.float_output(Layout::kPlain));
    add_float_product(context, shape, left, dequantize(weights.tensor, weights.affine), {}, 1, output);
    return {};
  }
  const Shape& product = context.output_value().type.shape;
  const Shape batch(product.begin(), product.end() - 2);
  shape.batch = element_count(batch);
  const bool in_integers = are_integer_matrices(context.input_value(0).type, b.type, shape);
  const auto matrices = [&](size_t i) { return in_integers ? context.integer_input(i, Layout::kPlain) : context.float_input(i, Layout::kPlain); };
  BufferId left = matrices(0);
  if (Shape(a.begin(), a.end() - 2) != batch) left = spread_matrices(context, left, batch, false);
  const BufferId right = spread_matrices(context, matrices(1), batch, true);
  if (in_integers) return prepare_integer(context, shape, left, right);
  HT_ASSIGN(const BufferId output, context.float_output(Layout::kPlain));
  auto params = product_params<ht_gemm_f32_params>(shape);
  params.alpha = params.beta = 1;
  context.add(KernelId::k_gemm_f32, params, {}, {left, right}, output, shape.batch * shape.rows * shape.columns * shape.depth);
  return {};
}

}  // namespace ht
