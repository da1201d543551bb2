// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/gemm/gemm.h"

namespace ht {

Status reference(const Gemm& gemm, InputTensors inputs, OutputTensors outputs) {
  const auto a = inputs[0]->to_doubles(), b = inputs[1]->to_doubles();
  const int64_t rows = outputs[0].shape()[0], columns = outputs[0].shape()[1];
  const int64_t depth = inputs[0]->shape()[gemm.transpose_a ? 0 : 1];
  const int64_t a_row = gemm.transpose_a ? 1 : depth, a_step = gemm.transpose_a ? rows : 1;
  const int64_t b_column = gemm.transpose_b ? depth : 1, b_step = gemm.transpose_b ? 1 : columns;
  std::vector<double> out(static_cast<size_t>(outputs[0].size()));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < depth; ++k)
        sum += a[static_cast<size_t>(i * a_row + k * a_step)] * b[static_cast<size_t>(j * b_column + k * b_step)];
      out[static_cast<size_t>(i * columns + j)] = double{gemm.alpha} * sum;
    }
  if (inputs.size() == 3 && inputs[2]) {
    const auto c = inputs[2]->to_doubles();
    const auto positions = broadcast_positions(inputs[2]->shape(), outputs[0].shape());
    for (size_t i = 0; i < out.size(); ++i) out[i] += double{gemm.beta} * c[static_cast<size_t>(positions[i])];
  }
  store(outputs[0], out);
  return {};
}

}  // namespace ht
