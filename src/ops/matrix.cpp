// SPDX-License-Identifier: Apache-2.0
#include "ops/matrix.h"

namespace ht {

Result<MatrixWeights> matrix_weights(const Value& value, bool transposed) {
  const Tensor& stored = *value.constant;
  if (transposed) return MatrixWeights{stored, value.type.affine};
  const int64_t depth = stored.shape()[0], columns = stored.shape()[1];
  const auto size = static_cast<size_t>(dtype_size(stored.dtype()));
  std::vector<uint8_t> bytes(stored.bytes().size());
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t n = 0; n < columns; ++n)
      std::copy_n(stored.bytes().begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(k * columns + n) * size), size,
                  bytes.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(n * depth + k) * size));
  HT_ASSIGN(Tensor tensor, Tensor::make(stored.dtype(), {columns, depth}, std::move(bytes)));
  if (!value.type.affine) return MatrixWeights{std::move(tensor), std::nullopt};
  const Affine& affine = *value.type.affine;
  if (affine.is_per_tensor()) return MatrixWeights{std::move(tensor), affine};
  const int64_t rows = affine.shape()[0], width = affine.shape()[1];
  std::vector<float> scales;
  std::vector<int32_t> zero_points;
  for (int64_t n = 0; n < width; ++n)
    for (int64_t k = 0; k < rows; ++k) {
      scales.push_back(affine.scales()[static_cast<size_t>(k * width + n)]);
      zero_points.push_back(affine.zero_points()[static_cast<size_t>(k * width + n)]);
    }
  HT_ASSIGN(Affine swapped, Affine::make({width, rows}, std::move(scales), std::move(zero_points), affine.block()));
  return MatrixWeights{std::move(tensor), std::move(swapped)};
}

Result<bool> add_integer_product(PrepareContext& context, const MatrixShape& shape, const MatrixWeights& weights, const Value* bias) {
  const Value& left = context.input_value(0);
  if (!is_stored(left.type) || !weights.affine) return false;
  const Affine stored = stored_affine(left.type);
  const size_t last = left.type.shape.size() - 1;
  if (!stored.is_per_tensor() && stored.axis() != last) return false;
  auto product = integer_product(weights.tensor, *weights.affine, left.type, last, {shape.depth, shape.depth, shape.columns, 1}, bias);
  if (!product) return false;
  const BufferId buffer = context.integer_input(0, Layout::kPlain);
  HT_ASSIGN(ProductOutput output, product_output(context, *product, Layout::kPlain));
  ht_conv_params params{};
  params.batch = params.groups = 1;
  params.input_height = params.output_height = static_cast<int32_t>(shape.batch * shape.rows);
  params.input_width = params.output_width = 1;
  params.kernel_height = params.kernel_width = 1;
  params.stride_height = params.stride_width = params.dilation_height = params.dilation_width = 1;
  params.input_channels = params.input_stride = static_cast<int32_t>(shape.depth);
  params.output_channels = params.output_stride = static_cast<int32_t>(shape.columns);
  add_product(context, params, *std::move(product), std::move(output), buffer, shape.batch * shape.rows * shape.columns * shape.depth);
  return true;
}

void add_float_product(PrepareContext& context, const MatrixShape& shape, BufferId left, const Tensor& weights, std::vector<float> bias,
                       float alpha, BufferId output) {
  std::vector<std::shared_ptr<const void>> arrays;
  ht_gemm_f32_params params{};
  params.batch = 1;
  params.rows = static_cast<int32_t>(shape.batch * shape.rows);
  params.columns = params.output_stride = static_cast<int32_t>(shape.columns);
  params.depth = params.a_stride = params.b_stride = static_cast<int32_t>(shape.depth);
  params.alpha = alpha;
  params.beta = 1;
  params.weights = keep(arrays, weights.to_floats());
  params.bias = bias.empty() ? nullptr : keep(arrays, std::move(bias));
  context.add(KernelId::k_gemm_f32, params, std::move(arrays), {left}, output, shape.batch * shape.rows * shape.columns * shape.depth);
}

}  // namespace ht
