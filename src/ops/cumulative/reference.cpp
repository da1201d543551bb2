// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/cumulative/cumulative.h"

namespace ht {

Status reference(const Cumulative& cumulative, InputTensors inputs, OutputTensors outputs) {
  const auto axis = static_cast<size_t>(cumulative.axis);
  const int64_t n = inputs[0]->shape()[axis], inner = strides_of(inputs[0]->shape())[axis];
  auto accumulate = [&](auto x, auto start, auto step) {
    const int64_t rows = static_cast<int64_t>(x.size()) / n;
    for (int64_t row = 0; row < rows; ++row) {
      auto* first = x.data() + row / inner * n * inner + row % inner;
      auto state = start;
      for (int64_t i = 0; i < n; ++i) {
        auto& element = first[(cumulative.reverse ? n - 1 - i : i) * inner];
        const auto next = step(state, element);
        element = cumulative.exclusive ? state : next;
        state = next;
      }
    }
    store(outputs[0], x);
  };
  const bool is_product = cumulative.kind == CumulativeKind::kProd;
  if (is_float(inputs[0]->dtype())) {
    accumulate(inputs[0]->to_doubles(), is_product ? 1.0 : 0.0, [&](double a, double b) { return is_product ? a * b : a + b; });
  } else {
    accumulate(inputs[0]->to_int64s(), int64_t{is_product ? 1 : 0}, [&](int64_t a, int64_t b) {
      const auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
      return static_cast<int64_t>(is_product ? x * y : x + y);
    });
  }
  return {};
}

}  // namespace ht
