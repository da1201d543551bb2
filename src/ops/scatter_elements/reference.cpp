// SPDX-License-Identifier: Apache-2.0
#include "ops/indexing.h"
#include "ops/scatter_elements/scatter_elements.h"

namespace ht {

Status reference(const ScatterElements& scatter, InputTensors inputs, OutputTensors outputs) {
  const Shape& data = inputs[0]->shape();
  const Shape& indices = inputs[1]->shape();
  return ht::scatter(grid_of_elements(data, indices, scatter.axis), scatter.reduction, inputs, outputs[0]);
}

}  // namespace ht
