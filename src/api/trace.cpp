// SPDX-License-Identifier: Apache-2.0
#include "api/trace.h"

#include <algorithm>
#include <cstring>
#include <set>

namespace ht {
namespace {

// Copies a value from strides of its own, counted in elements, into its plain order.
template <class Element>
void gather(const Shape& shape, const Shape& strides, const uint8_t* from, uint8_t* to) {
  const int64_t width = shape.back(), step = strides.back(), rows = element_count(shape) / std::max<int64_t>(width, 1);
  Shape place(shape.size(), 0);
  for (int64_t row = 0; row < rows; ++row) {
    int64_t offset = 0;
    for (size_t axis = 0; axis + 1 < place.size(); ++axis) offset += place[axis] * strides[axis];
    for (int64_t i = 0; i < width; ++i, to += sizeof(Element)) std::memcpy(to, from + static_cast<size_t>(offset + i * step) * sizeof(Element), sizeof(Element));
    for (size_t axis = place.size() - 1; axis-- > 0 && ++place[axis] == shape[axis];) place[axis] = 0;
  }
}

// The parameters of the plain tensor: where half the range was subtracted in memory, zero points are those of unsigned integers again.
std::optional<Affine> plain_affine(const Buffer& buffer) {
  if (!buffer.affine || !buffer.is_unsigned) return buffer.affine;
  std::vector<int32_t> zero_points = buffer.affine->zero_points();
  for (int32_t& zero_point : zero_points) zero_point -= static_cast<int32_t>(integer_range(buffer.dtype).min);
  auto affine = Affine::make(buffer.affine->shape(), buffer.affine->scales(), std::move(zero_points), buffer.affine->block());
  return *std::move(affine);  // the scales were valid before
}

ComputedValue describe(const Graph& graph, ValueId id, const Links& links) {
  ComputedValue value;
  value.name = graph.value(id).name;
  if (const NodeId producer = links.producer(id); producer.valid()) {
    value.layer = graph.node(producer).name;
    value.op = op_name(graph.node(producer).op);
  }
  return value;
}

}  // namespace

Tensor plain_tensor(const Buffer& buffer, std::span<const uint8_t> bytes) {
  Tensor tensor = Tensor::zeros(buffer.declared(), buffer.shape);
  const auto to = tensor.mutable_data<uint8_t>();
  if (same_memory(buffer.shape, buffer.layout, Layout::kPlain)) {
    std::memcpy(to.data(), bytes.data(), to.size());
  } else {
    const Shape strides = layout_strides(buffer.shape, buffer.layout);
    switch (dtype_size(buffer.dtype)) {
      case 1: gather<uint8_t>(buffer.shape, strides, bytes.data(), to.data()); break;
      case 2: gather<uint16_t>(buffer.shape, strides, bytes.data(), to.data()); break;
      case 4: gather<uint32_t>(buffer.shape, strides, bytes.data(), to.data()); break;
      default: gather<uint64_t>(buffer.shape, strides, bytes.data(), to.data()); break;
    }
  }
  if (buffer.is_unsigned) flip_signs(buffer.dtype, to);
  return tensor;
}

Status trace(Runner& runner, const Graph& graph, std::span<const Tensor> inputs, const std::function<void(ComputedValue)>& show) {
  const Links links(graph);
  std::set<ValueId> seen;
  runner.session().set_observer([&](const Buffer& buffer, std::span<const uint8_t> bytes) {
    if (!seen.insert(buffer.value).second) return;
    ComputedValue value = describe(graph, buffer.value, links);
    value.tensor = plain_tensor(buffer, bytes);
    value.affine = plain_affine(buffer);
    show(std::move(value));
  });
  const auto outputs = runner.run(inputs);
  runner.session().set_observer({});
  if (!outputs) return outputs.error();
  // Outputs that are constants or inputs under another name are not made.
  for (size_t i = 0; i < outputs->size(); ++i) {
    if (!seen.insert(graph.outputs[i]).second) continue;
    ComputedValue value = describe(graph, graph.outputs[i], links);
    value.tensor = (*outputs)[i];
    if (value.tensor.dtype() == graph.value(graph.outputs[i]).type.dtype) value.affine = graph.value(graph.outputs[i]).type.affine;
    show(std::move(value));
  }
  return {};
}

}  // namespace ht
