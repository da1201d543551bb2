// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/where/where.h"

namespace ht {

Status reference(const Where&, InputTensors inputs, OutputTensors outputs) {
  const Shape& shape = outputs[0].shape();
  const auto condition = inputs[0]->data<uint8_t>();
  const auto asked = broadcast_positions(inputs[0]->shape(), shape);
  take(*inputs[1], broadcast_positions(inputs[1]->shape(), shape), outputs[0]);
  auto otherwise = broadcast_positions(inputs[2]->shape(), shape);
  for (size_t i = 0; i < otherwise.size(); ++i)
    if (condition[static_cast<size_t>(asked[i])]) otherwise[i] = -1;
  take(*inputs[2], otherwise, outputs[0]);
  return {};
}

}  // namespace ht
