// SPDX-License-Identifier: Apache-2.0
#include "ir/dequantize.h"
#include "ops/matrix.h"
#include "ops/prepare.h"

namespace ht {
namespace {

// c as one number a column, if it is that.
std::optional<std::vector<float>> column_bias(const PrepareContext& context, int64_t columns, float beta) {
  if (!context.has_input(2)) return std::vector<float>{};
  const Value& value = context.input_value(2);
  if (!value.constant) return std::nullopt;
  std::vector<float> bias = dequantize(*value.constant, value.type.affine).to_floats();
  if (bias.size() == 1) bias.assign(static_cast<size_t>(columns), bias.front());
  const bool is_row = static_cast<int64_t>(bias.size()) == columns && (value.type.shape.empty() || value.type.shape.back() == columns || columns == 1);
  if (!is_row) return std::nullopt;
  for (float& x : bias) x *= beta;
  return bias;
}

}  // namespace

Status prepare(const Gemm& op, PrepareContext& context) {
  const Shape& a = context.input_value(0).type.shape;
  const Shape& output_shape = context.output_value().type.shape;
  const Value& b = context.input_value(1);
  const MatrixShape shape{1, output_shape[0], output_shape[1], op.transpose_a ? a[0] : a[1]};
  if (!b.constant) return unsupported("the second matrix is computed at run time; use MatMul, or make it constant");
  const auto bias = column_bias(context, shape.columns, op.beta);
  if (!bias) return unsupported("C is not one constant a column; add it with an Add behind the Gemm");
  HT_ASSIGN(const MatrixWeights weights, matrix_weights(b, op.transpose_b));
  if (!op.transpose_a && op.alpha == 1 && op.beta == 1) {
    const Value* integer_bias = context.has_input(2) ? &context.input_value(2) : nullptr;
    HT_ASSIGN(const bool done, add_integer_product(context, shape, weights, integer_bias));
    if (done) return {};
  }
  BufferId left = context.float_input(0, Layout::kPlain);
  if (op.transpose_a) {
    const BufferId rows = context.temporary(context.input_value(0).name, DType::kFloat32, {a[1], a[0]}, Layout::kPlain);
    add_copy(context, {left, {1, a[1]}, 0}, whole(context, rows), {a[1], a[0]}, {0, 1});
    left = rows;
  }
  HT_ASSIGN(const BufferId output, context.float_output(Layout::kPlain));
  add_float_product(context, shape, left, dequantize(weights.tensor, weights.affine), *bias, op.alpha, output);
  return {};
}

}  // namespace ht
