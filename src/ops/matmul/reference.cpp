// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/matmul/matmul.h"

namespace ht {

Status reference(const MatMul&, InputTensors inputs, OutputTensors outputs) {
  Shape a_shape = inputs[0]->shape(), b_shape = inputs[1]->shape();
  if (a_shape.size() == 1) a_shape.insert(a_shape.begin(), 1);
  if (b_shape.size() == 1) b_shape.push_back(1);
  const int64_t rows = a_shape[a_shape.size() - 2], depth = a_shape.back(), columns = b_shape.back();
  const Shape a_batch(a_shape.begin(), a_shape.end() - 2), b_batch(b_shape.begin(), b_shape.end() - 2);
  HT_ASSIGN(const Shape batch, broadcast_shapes(a_batch, b_batch));
  const auto a_positions = broadcast_positions(a_batch, batch), b_positions = broadcast_positions(b_batch, batch);
  const auto a = inputs[0]->to_doubles(), b = inputs[1]->to_doubles();
  std::vector<double> out(static_cast<size_t>(outputs[0].size()));
  double* element = out.data();
  for (size_t n = 0; n < a_positions.size(); ++n) {
    const double* left = a.data() + a_positions[n] * rows * depth;
    const double* right = b.data() + b_positions[n] * depth * columns;
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j, ++element)
        for (int64_t k = 0; k < depth; ++k) *element += left[i * depth + k] * right[k * columns + j];
  }
  store(outputs[0], out);
  return {};
}

}  // namespace ht
