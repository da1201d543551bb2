// SPDX-License-Identifier: Apache-2.0
#include "ops/gather_nd/gather_nd.h"
#include "ops/indexing.h"

namespace ht {

Status reference(const GatherND& gather, InputTensors inputs, OutputTensors outputs) {
  const IndexGrid grid = grid_of_tuples(inputs[0]->shape(), inputs[1]->shape(), gather.batch_dims);
  HT_ASSIGN(const auto rows, positions_of(grid, *inputs[1]));
  std::vector<int64_t> positions;
  positions.reserve(static_cast<size_t>(outputs[0].size()));
  for (int64_t row : rows)
    for (int64_t i = 0; i < grid.inner; ++i) positions.push_back(row + i);
  take(*inputs[0], positions, outputs[0]);
  return {};
}

}  // namespace ht
