// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/common.h"
#include "ops/normalize/normalize.h"

namespace ht {

Status reference(const Normalize& normalize, InputTensors inputs, OutputTensors outputs) {
  const Shape& shape = inputs[0]->shape();
  const auto n = static_cast<size_t>(element_count({shape.begin() + normalize.axis, shape.end()}));
  auto x = inputs[0]->to_doubles();
  for (size_t row = 0; row + n <= x.size(); row += n) {
    const std::span elements(x.data() + row, n);
    double mean = 0, variance = 0;
    if (normalize.subtract_mean)
      for (double element : elements) mean += element / static_cast<double>(n);
    for (double element : elements) variance += (element - mean) * (element - mean) / static_cast<double>(n);
    for (double& element : elements) element = (element - mean) / std::sqrt(variance + normalize.epsilon);
  }
  store(outputs[0], x);
  return {};
}

}  // namespace ht
