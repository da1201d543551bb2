// SPDX-License-Identifier: Apache-2.0
#include "ops/common.h"
#include "ops/resize/resize.h"

namespace ht {
namespace {

// Interpolation is separable: one axis after the other, seen as [outer, size, inner].
std::vector<double> resize_axis(const std::vector<double>& x, const std::vector<std::vector<ResizeTap>>& taps, int64_t outer,
                                int64_t size, int64_t inner) {
  std::vector<double> out(static_cast<size_t>(outer) * taps.size() * static_cast<size_t>(inner));
  double* row = out.data();
  for (int64_t o = 0; o < outer; ++o)
    for (const auto& position : taps) {
      for (const ResizeTap& tap : position) {
        const double* from = x.data() + (o * size + tap.index) * inner;
        for (int64_t i = 0; i < inner; ++i) row[i] += tap.weight * from[i];
      }
      row += inner;
    }
  return out;
}

Status nearest(const Resize& resize, const Tensor& x, Tensor& out) {
  const Shape strides = strides_of(x.shape());
  std::vector<std::vector<int64_t>> terms(strides.size());
  for (size_t axis = 0; axis < terms.size(); ++axis)
    for (const auto& taps : resize_taps(resize, axis, x.shape()[axis])) terms[axis].push_back(taps.front().index * strides[axis]);
  take(x, gather_positions(terms), out);
  return {};
}

}  // namespace

Status reference(const Resize& resize, InputTensors inputs, OutputTensors outputs) {
  if (resize.mode == ResizeMode::kNearest) return nearest(resize, *inputs[0], outputs[0]);
  Shape shape = inputs[0]->shape();
  auto x = inputs[0]->to_doubles();
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    const auto split = shape.begin() + static_cast<int64_t>(axis);
    x = resize_axis(x, resize_taps(resize, axis, shape[axis]), element_count({shape.begin(), split}), shape[axis],
                    element_count({split + 1, shape.end()}));
    shape[axis] = resize.sizes[axis];
  }
  store(outputs[0], x);
  return {};
}

}  // namespace ht
