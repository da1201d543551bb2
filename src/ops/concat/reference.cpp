// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "ops/common.h"
#include "ops/concat/concat.h"

namespace ht {

Status reference(const Concat& concat, InputTensors inputs, OutputTensors outputs) {
  const Shape& shape = outputs[0].shape();
  const auto axis = shape.begin() + concat.axis;
  const auto outer = static_cast<size_t>(element_count({shape.begin(), axis}));
  if (outer == 0) return {};
  const auto out = outputs[0].mutable_data<uint8_t>();
  const size_t out_row = out.size() / outer;
  size_t begin = 0;
  for (const Tensor* input : inputs) {
    const auto bytes = input->bytes();
    const size_t row = bytes.size() / outer;
    if (row == 0) continue;
    for (size_t i = 0; i < outer; ++i) std::memcpy(out.data() + i * out_row + begin, bytes.data() + i * row, row);
    begin += row;
  }
  return {};
}

}  // namespace ht
