// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/pad/pad.h"

namespace ht {
int64_t padding_source(PadMode mode, int64_t i, int64_t size) {
  if (i >= 0 && i < size) return i;
  switch (mode) {
    case PadMode::kConstant:
      break;
    case PadMode::kReflect:
      return i < 0 ? -i : 2 * (size - 1) - i;
    case PadMode::kEdge:
      return i < 0 ? 0 : size - 1;
    case PadMode::kWrap:
      return ((i % size) + size) % size;
  }
  return -1;
}

Status reference(const Pad& pad, InputTensors inputs, OutputTensors outputs) {
  const Shape& from = inputs[0]->shape();
  const Shape strides = strides_of(from);
  std::vector<std::vector<int64_t>> terms(from.size());
  for (size_t axis = 0; axis < from.size(); ++axis)
    for (int64_t i = 0; i < outputs[0].shape()[axis]; ++i) {
      const int64_t source = padding_source(pad.mode, i - pad.pads[axis], from[axis]);
      terms[axis].push_back(source < 0 ? -1 : source * strides[axis]);
    }
  store(outputs[0], std::vector<double>(static_cast<size_t>(outputs[0].size()), pad.value));
  take(*inputs[0], gather_positions(terms), outputs[0]);
  return {};
}

}  // namespace ht
