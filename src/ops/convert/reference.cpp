// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "ops/common.h"
#include "ops/convert/convert.h"

namespace ht {

Tensor quantize(const Tensor& tensor, DType to, const Affine& affine) {
  const auto x = tensor.to_floats();
  const IntegerRange range = integer_range(to);
  std::vector<int64_t> q(x.size());
  affine.for_each_run(tensor.shape(), [&](int64_t first, int64_t count, size_t k) {
    const int64_t zero_point = affine.zero_points()[k];
    const float scale = affine.scales()[k];
    constexpr double kMost = 0x1p62;  // no range that matters reaches it, and neither does a sum below overflow
    const double least = std::max(static_cast<double>(range.min) - static_cast<double>(zero_point), -kMost);
    const double most = std::min(static_cast<double>(range.max) - static_cast<double>(zero_point), kMost);
    for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(first + count); ++i) {
      const double ratio = x[i] / scale;
      q[i] = std::isnan(ratio) ? zero_point : static_cast<int64_t>(std::nearbyint(std::clamp(ratio, least, most))) + zero_point;
    }
  });
  Tensor out = Tensor::zeros(to, tensor.shape());
  store(out, q);
  return out;
}

Status reference(const Convert& convert, InputTensors inputs, OutputTensors outputs) {
  if (convert.affine)
    outputs[0] = quantize(*inputs[0], convert.to, *convert.affine);
  else
    store(outputs[0], inputs[0]->to_doubles());
  return {};
}

}  // namespace ht
