// SPDX-License-Identifier: Apache-2.0
#include "api/trace.h"

#include <cstring>
#include <set>

namespace ht {
namespace {

// A value as it lies in memory, as the plain tensor of its own type that it stands for.
Tensor plain_tensor(const Buffer& buffer, std::span<const uint8_t> bytes) {
  Tensor tensor = Tensor::zeros(buffer.declared(), buffer.shape);
  const auto to = tensor.mutable_data<uint8_t>();
  const auto size = static_cast<size_t>(dtype_size(buffer.dtype));
  const Shape strides = layout_strides(buffer.shape, buffer.layout);
  Shape place(buffer.shape.size(), 0);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    int64_t from = 0;
    for (size_t axis = 0; axis < place.size(); ++axis) from += place[axis] * strides[axis];
    std::memcpy(to.data() + static_cast<size_t>(i) * size, bytes.data() + static_cast<size_t>(from) * size, size);
    for (size_t axis = place.size(); axis-- > 0 && ++place[axis] == buffer.shape[axis];) place[axis] = 0;
  }
  if (buffer.is_unsigned) flip_signs(buffer.dtype, to);
  return tensor;
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
