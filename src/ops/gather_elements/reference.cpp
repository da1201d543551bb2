// SPDX-License-Identifier: Apache-2.0
#include "ops/gather_elements/gather_elements.h"
#include "ops/indexing.h"

namespace ht {

Status reference(const GatherElements& gather, InputTensors inputs, OutputTensors outputs) {
  HT_ASSIGN(const auto positions, positions_of(grid_of_elements(inputs[0]->shape(), inputs[1]->shape(), gather.axis), *inputs[1]));
  take(*inputs[0], positions, outputs[0]);
  return {};
}

}  // namespace ht
