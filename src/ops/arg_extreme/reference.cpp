// SPDX-License-Identifier: Apache-2.0
#include "ops/arg_extreme/arg_extreme.h"
#include "ops/common.h"

namespace ht {

Status reference(const ArgExtreme& extreme, InputTensors inputs, OutputTensors outputs) {
  const auto axis = static_cast<size_t>(extreme.axis);
  const int64_t n = inputs[0]->shape()[axis], inner = strides_of(inputs[0]->shape())[axis];
  std::vector<int64_t> out(static_cast<size_t>(outputs[0].size()));
  auto search = [&](const auto& x) {
    for (size_t row = 0; row < out.size(); ++row) {
      const auto at = static_cast<int64_t>(row);
      const auto* first = x.data() + at / inner * n * inner + at % inner;
      int64_t best = 0;
      for (int64_t i = 1; i < n; ++i) {
        const auto& candidate = first[i * inner];
        const auto& held = first[best * inner];
        const bool better = extreme.smallest ? candidate < held : candidate > held;
        if (better || (extreme.last && candidate == held)) best = i;
      }
      out[row] = best;
    }
  };
  if (is_float(inputs[0]->dtype()))
    search(inputs[0]->to_doubles());
  else
    search(inputs[0]->to_int64s());
  store(outputs[0], out);
  return {};
}

}  // namespace ht
