// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/reshape/reshape.h"

namespace ht {

Status reference(const Reshape& reshape, InputTensors inputs, OutputTensors outputs) {
  outputs[0] = inputs[0]->reshaped(reshape.shape);
  return {};
}

}  // namespace ht
