// SPDX-License-Identifier: Apache-2.0
#include "ops/indexing.h"
#include "ops/scatter_nd/scatter_nd.h"

namespace ht {

Status reference(const ScatterND& scatter, InputTensors inputs, OutputTensors outputs) {
  const Shape& data = inputs[0]->shape();
  const Shape& indices = inputs[1]->shape();
  return ht::scatter(grid_of_tuples(data, indices, 0), scatter.reduction, inputs, outputs[0]);
}

}  // namespace ht
