// SPDX-License-Identifier: Apache-2.0
#include "plan/plan.h"

#include <array>
#include <cstring>

namespace ht {

std::vector<size_t> memory_order(size_t rank, Layout layout) {
  std::vector<size_t> order;
  for (size_t axis = 0; axis < rank; ++axis)
    if (layout == Layout::kPlain || rank < 3 || axis != 1) order.push_back(axis);
  if (order.size() < rank) order.push_back(1);
  return order;
}

Shape memory_shape(const Shape& shape, Layout layout) {
  Shape result;
  for (size_t axis : memory_order(shape.size(), layout)) result.push_back(shape[axis]);
  return result;
}

Shape layout_strides(const Shape& shape, Layout layout) {
  const auto order = memory_order(shape.size(), layout);
  Shape strides(shape.size(), 1);
  int64_t stride = 1;
  for (size_t position = order.size(); position-- > 0;) {
    strides[order[position]] = stride;
    stride *= shape[order[position]];
  }
  return strides;
}

bool same_memory(const Shape& shape, Layout a, Layout b) {
  if (a == b) return true;
  auto significant = [&](Layout layout) {
    std::vector<size_t> axes;
    for (size_t axis : memory_order(shape.size(), layout))
      if (shape[axis] != 1) axes.push_back(axis);
    return axes;
  };
  return significant(a) == significant(b);
}

std::vector<uint8_t> to_layout(const Tensor& tensor, Layout layout) {
  const auto bytes = tensor.bytes();
  if (same_memory(tensor.shape(), Layout::kPlain, layout)) return {bytes.begin(), bytes.end()};
  const auto size = static_cast<size_t>(dtype_size(tensor.dtype()));
  const Shape strides = layout_strides(tensor.shape(), layout);
  std::vector<uint8_t> out(bytes.size());
  std::vector<int64_t> position(tensor.shape().size(), 0);
  for (size_t i = 0; i < bytes.size() / size; ++i) {
    int64_t offset = 0;
    for (size_t axis = 0; axis < position.size(); ++axis) offset += position[axis] * strides[axis];
    std::memcpy(out.data() + static_cast<size_t>(offset) * size, bytes.data() + i * size, size);
    for (size_t axis = position.size(); axis-- > 0;) {
      if (++position[axis] < tensor.shape()[axis]) break;
      position[axis] = 0;
    }
  }
  return out;
}

DType Buffer::declared() const {
  if (!is_unsigned) return dtype;
  return dtype == DType::kInt8 ? DType::kUint8 : DType::kUint16;
}

bool may_overlap(const Buffer& a, const Buffer& b) {
  const Region &p = a.region, &q = b.region;
  const auto end = [](const Buffer& buffer) {
    const Region& r = buffer.region;
    const int64_t count = element_count(buffer.shape);
    return r.offset + (r.width == 0 ? count : (count / r.width - 1) * r.stride + r.width);
  };
  if (p.offset >= end(b) || q.offset >= end(a)) return false;
  if (p.width == 0 || q.width == 0 || p.stride != q.stride) return true;
  // Columns of rows of one stride.
  const int64_t left = p.offset % p.stride, right = q.offset % q.stride;
  return left < right + q.width && right < left + p.width;
}

void flip_signs(DType dtype, std::span<uint8_t> bytes) {
  const auto size = static_cast<size_t>(dtype_size(dtype));
  for (size_t high = size - 1; high < bytes.size(); high += size) bytes[high] ^= 0x80;  // little-endian
}

std::string_view kernel_name(KernelId kernel) {
#define HT_KERNEL_NAME(name, params) #name,
  static constexpr std::array kNames = {HT_KERNELS(HT_KERNEL_NAME)};
#undef HT_KERNEL_NAME
  return kNames[static_cast<size_t>(kernel)];
}

}  // namespace ht
