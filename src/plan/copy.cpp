// SPDX-License-Identifier: Apache-2.0
#include "plan/copy.h"

namespace ht {

ht_copy_params make_copy(int64_t element_bytes, const Shape& shape, const std::vector<size_t>& order, const Shape& input_strides,
                         const Shape& output_strides) {
  constexpr int64_t kLongestRow = 1 << 14;
  struct Axis {
    int64_t size, in, out;
  };
  std::vector<Axis> axes;  // the innermost first
  for (size_t i = order.size(); i-- > 0;) {
    const Axis axis{shape[order[i]], input_strides[order[i]], output_strides[order[i]]};
    if (axis.size == 1) continue;
    if (!axes.empty()) {
      Axis& last = axes.back();
      if (axis.in == last.in * last.size && axis.out == last.out * last.size && (axes.size() > 1 || axis.size * last.size <= kLongestRow)) {
        last.size *= axis.size;
        continue;
      }
    }
    axes.push_back(axis);
  }
  if (axes.empty()) axes.push_back({1, 0, 0});
  ht_copy_params copy{};
  copy.element_bytes = static_cast<int32_t>(element_bytes);
  copy.rank = static_cast<int32_t>(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    const Axis& axis = axes[axes.size() - 1 - i];
    copy.shape[i] = static_cast<int32_t>(axis.size);
    copy.input_stride[i] = static_cast<int32_t>(axis.in);
    copy.output_stride[i] = static_cast<int32_t>(axis.out);
  }
  return copy;
}

}  // namespace ht
