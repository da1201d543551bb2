// SPDX-License-Identifier: Apache-2.0
#include "ir/dequantize.h"

namespace ht {

Tensor dequantize(const Tensor& tensor, const std::optional<Affine>& affine) {
  if (!affine) return tensor;
  const std::vector<int64_t> integers = tensor.to_int64s();
  Tensor real = Tensor::zeros(DType::kFloat32, tensor.shape());
  auto out = real.mutable_data<float>();
  for (size_t i = 0; i < integers.size(); ++i) {
    const size_t at = affine->index_of(tensor.shape(), static_cast<int64_t>(i));
    out[i] = static_cast<float>(integers[i] - affine->zero_points()[at]) * affine->scales()[at];
  }
  return real;
}

}  // namespace ht
