// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "ops/common.h"
#include "ops/gather/gather.h"

namespace ht {

Status reference(const Gather& gather, InputTensors inputs, OutputTensors outputs) {
  const Shape& shape = inputs[0]->shape();
  const auto axis = shape.begin() + gather.axis;
  const int64_t outer = element_count({shape.begin(), axis}), inner = element_count({axis + 1, shape.end()});
  std::vector<int64_t> indices = inputs[1]->to_int64s();
  HT_TRY(check_indices(indices, *axis));
  for (int64_t& index : indices) index = (index < 0 ? index + *axis : index) * inner;
  std::vector<int64_t> rows(static_cast<size_t>(outer)), columns(static_cast<size_t>(inner));
  for (int64_t i = 0; i < outer; ++i) rows[static_cast<size_t>(i)] = i * *axis * inner;
  std::iota(columns.begin(), columns.end(), 0);
  take(*inputs[0], gather_positions({rows, indices, columns}), outputs[0]);
  return {};
}

}  // namespace ht
