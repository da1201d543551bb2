// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/batch_norm/batch_norm.h"
#include "ops/common.h"

namespace ht {

Status reference(const BatchNormalization& op, InputTensors inputs, OutputTensors outputs) {
  const Shape& shape = inputs[0]->shape();
  auto x = inputs[0]->to_doubles();
  const auto scale = inputs[1]->to_doubles(), bias = inputs[2]->to_doubles();
  const auto mean = inputs[3]->to_doubles(), variance = inputs[4]->to_doubles();
  const auto channels = static_cast<size_t>(shape[1]);
  const auto plane = static_cast<size_t>(element_count({shape.begin() + 2, shape.end()}));
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t c = i / plane % channels;
    x[i] = (x[i] - mean[c]) / std::sqrt(variance[c] + double{op.epsilon}) * scale[c] + bias[c];
  }
  store(outputs[0], x);
  return {};
}

}  // namespace ht
