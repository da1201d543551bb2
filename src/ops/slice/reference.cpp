// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/slice/slice.h"

namespace ht {

Status reference(const Slice& slice, InputTensors inputs, OutputTensors outputs) {
  const Shape strides = strides_of(inputs[0]->shape());
  std::vector<std::vector<int64_t>> terms(strides.size());
  for (size_t axis = 0; axis < terms.size(); ++axis)
    for (int64_t i = 0; i < slice.sizes[axis]; ++i)
      terms[axis].push_back((slice.starts[axis] + i * slice.steps[axis]) * strides[axis]);
  take(*inputs[0], gather_positions(terms), outputs[0]);
  return {};
}

}  // namespace ht
