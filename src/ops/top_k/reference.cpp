// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "ops/common.h"
#include "ops/top_k/top_k.h"

namespace ht {

Status reference(const TopK& top, InputTensors inputs, OutputTensors outputs) {
  const auto axis = static_cast<size_t>(top.axis);
  const int64_t n = inputs[0]->shape()[axis], inner = strides_of(inputs[0]->shape())[axis];
  std::vector<int64_t> out(static_cast<size_t>(outputs[0].size()));
  auto sort = [&](const auto& x) {
    const int64_t rows = static_cast<int64_t>(x.size()) / n;
    for (int64_t row = 0; row < rows; ++row) {
      const auto* first = x.data() + row / inner * n * inner + row % inner;
      std::vector<int64_t> order(static_cast<size_t>(n));
      std::iota(order.begin(), order.end(), 0);
      // Not-a-number lies beyond infinity, as in the kernel.
      std::ranges::stable_sort(order, [&](int64_t a, int64_t b) {
        const auto left = first[a * inner], right = first[b * inner];
        if (left != left || right != right) return top.smallest ? left == left && right != right : left != left && right == right;
        return top.smallest ? left < right : left > right;
      });
      for (int64_t i = 0; i < top.k; ++i)
        out[static_cast<size_t>(row / inner * top.k * inner + i * inner + row % inner)] = order[static_cast<size_t>(i)];
    }
  };
  if (is_float(inputs[0]->dtype()))
    sort(inputs[0]->to_doubles());
  else
    sort(inputs[0]->to_int64s());
  store(outputs[0], out);
  return {};
}

}  // namespace ht
