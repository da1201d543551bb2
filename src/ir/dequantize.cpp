// SPDX-License-Identifier: Apache-2.0
#include "ir/dequantize.h"

namespace ht {

Tensor dequantize(const Tensor& tensor, const std::optional<Affine>& affine) {
  if (!affine) return tensor;
  const std::vector<int64_t> integers = tensor.to_int64s();
  Tensor real = Tensor::zeros(DType::kFloat32, tensor.shape());
  auto out = real.mutable_data<float>();
  affine->for_each_run(tensor.shape(), [&](int64_t first, int64_t count, size_t at) {
    const AffineTable::Place place = affine->table().place_of(at);
    const int64_t zero_point = affine->table().zero_point(place);
    const float scale = affine->table().scale(place);
    for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(first + count); ++i)
      out[i] = static_cast<float>(integers[i] - zero_point) * scale;
  });
  return real;
}

}  // namespace ht
