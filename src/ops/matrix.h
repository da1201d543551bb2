// SPDX-License-Identifier: Apache-2.0
// Matrix products: what Gemm and MatMul share.
#pragma once

#include "ops/inner_product.h"

namespace ht {

// [batch] products of a [rows, depth] by a [depth, columns] matrix.
struct MatrixShape {
  int64_t batch = 1, rows = 1, columns = 1, depth = 1;
};

// The weights of a product with constant second operand [depth, columns] (or [columns, depth] where `transposed`), put
// into the order [columns, depth], with the parameters that belong to them.
struct MatrixWeights {
  Tensor tensor;
  std::optional<Affine> affine;
};
Result<MatrixWeights> matrix_weights(const Value& value, bool transposed);

// Adds the integer product of rows (input 0, last axis depth) with the weights where its integer form exists.
Result<bool> add_integer_product(PrepareContext& context, const MatrixShape& shape, const MatrixWeights& weights, const Value* bias);

// Adds output = alpha * rows * weights^T (+ bias), all float; `left` is plain.
void add_float_product(PrepareContext& context, const MatrixShape& shape, BufferId left, const Tensor& weights, std::vector<float> bias,
                       float alpha, BufferId output);

}  // namespace ht
