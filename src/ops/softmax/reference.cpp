// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/common.h"
#include "ops/softmax/softmax.h"

namespace ht {

Status reference(const Softmax& softmax, InputTensors inputs, OutputTensors outputs) {
  const Shape& shape = inputs[0]->shape();
  const int64_t size = shape[static_cast<size_t>(softmax.axis)];
  const int64_t inner = strides_of(shape)[static_cast<size_t>(softmax.axis)];
  auto x = inputs[0]->to_doubles();
  if (x.empty()) return {};
  const int64_t rows = static_cast<int64_t>(x.size()) / size;
  for (int64_t row = 0; row < rows; ++row) {
    double* first = x.data() + row / inner * size * inner + row % inner;
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (int64_t i = 0; i < size; ++i) most = std::max(most, first[i * inner]);
    for (int64_t i = 0; i < size; ++i) sum += std::exp(first[i * inner] - most);
    for (int64_t i = 0; i < size; ++i) {
      double& element = first[i * inner];
      element = softmax.logarithm ? element - most - std::log(sum) : std::exp(element - most) / sum;
    }
  }
  store(outputs[0], x);
  return {};
}

}  // namespace ht
