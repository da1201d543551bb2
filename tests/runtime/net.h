// SPDX-License-Identifier: Apache-2.0
// Small quantized networks, built node by node with weights drawn at random.
#pragma once

#include <gtest/gtest.h>

#include <random>

#include "ops/ops.h"

namespace ht {

inline const Affine kAffine = *Affine::per_tensor(0.05f, 3);

class Net {
 public:
  explicit Net(uint64_t seed) : engine_(seed) {}

  int64_t below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(n)); }
  const Shape& shape(ValueId id) const { return graph.value(id).type.shape; }

  ValueId input(Shape shape) {
    graph.inputs.push_back(add_value({DType::kInt8, std::move(shape), kAffine}));
    return graph.inputs.back();
  }
  ValueId float_input(Shape shape) {
    graph.inputs.push_back(add_value({DType::kFloat32, std::move(shape), std::nullopt}));
    return graph.inputs.back();
  }
  ValueId quantize(ValueId x) { return add(Convert{DType::kInt8, kAffine}, {x}); }

  ValueId constant(DType dtype, const Shape& shape, std::optional<Affine> affine = std::nullopt) {
    Tensor tensor = Tensor::zeros(dtype, shape);
    for (int8_t& x : tensor.mutable_data<int8_t>()) x = static_cast<int8_t>(below(255) - 127);
    return graph.add_value({next_name(), {dtype, shape, std::move(affine)}, tensor});
  }

  // A node with one output, of floats where there is no quantization.
  ValueId add(Op op, std::vector<ValueId> inputs, const std::optional<Affine>& affine = kAffine) {
    Node node{next_name(), std::move(op), std::move(inputs), {}};
    const auto types = infer(graph, node);
    EXPECT_TRUE(types) << types.error().text();
    node.outputs = {add_value({affine ? DType::kInt8 : DType::kFloat32, types->front().shape, affine})};
    graph.nodes.push_back(node);
    return node.outputs[0];
  }

  ValueId conv(ValueId x, int64_t outputs, int64_t kernel, int64_t groups = 1, const std::optional<Affine>& affine = kAffine) {
    const int64_t pad = kernel / 2;
    const ValueId weights = constant(DType::kInt8, {outputs, shape(x)[1] / groups, kernel, kernel}, *Affine::per_tensor(0.01f));
    return add(Conv{{1, 1}, {1, 1}, {pad, pad, pad, pad}, groups}, {x, weights}, affine);
  }
  ValueId float_conv(ValueId x, int64_t outputs, int64_t kernel, int64_t groups = 1) { return conv(x, outputs, kernel, groups, std::nullopt); }
  ValueId depthwise(ValueId x, int64_t kernel) { return conv(x, shape(x)[1], kernel, shape(x)[1]); }
  ValueId slice(ValueId x, size_t axis, int64_t start, int64_t step, int64_t size) {
    Slice op{Ints(4, 0), Ints(4, 1), shape(x)};
    op.starts[axis] = start;
    op.steps[axis] = step;
    op.sizes[axis] = size;
    return add(op, {x});
  }
  ValueId shuffle(ValueId x) {
    std::vector<int64_t> indices(static_cast<size_t>(shape(x)[1]));
    for (int64_t& index : indices) index = below(shape(x)[1]);
    const ValueId order = graph.add_value({next_name(), {DType::kInt64, {shape(x)[1]}, std::nullopt}, Tensor::of_int64s(indices)});
    return add(Gather{1}, {x, order});
  }

  Graph graph;

 private:
  ValueId add_value(TensorType type) { return graph.add_value({next_name(), std::move(type), std::nullopt}); }
  std::string next_name() { return fmt::format("v{}", names_++); }

  std::mt19937_64 engine_;
  int names_ = 0;
};

// Random numbers for the inputs.
inline std::vector<Tensor> inputs_of(Net& net) {
  std::vector<Tensor> inputs;
  for (ValueId id : net.graph.inputs) {
    const DType dtype = net.graph.value(id).type.dtype;
    inputs.push_back(Tensor::zeros(dtype, net.shape(id)));
    if (dtype == DType::kFloat32) {
      for (float& x : inputs.back().mutable_data<float>()) x = static_cast<float>(net.below(2001) - 1000) / 100;
      continue;
    }
    for (int8_t& x : inputs.back().mutable_data<int8_t>()) x = static_cast<int8_t>(net.below(256) - 128);
  }
  return inputs;
}

// Operators that move elements between some that compute.
inline Net any_net(uint64_t seed) {
  Net net(seed);
  std::vector<ValueId> values = {net.input({1 + net.below(2), 1 + net.below(12), 1 + net.below(6), 1 + net.below(6)})};
  const auto any = [&] { return values[static_cast<size_t>(net.below(static_cast<int64_t>(values.size())))]; };
  // Values that differ from x along no axis but this one.
  const auto like = [&](ValueId x, size_t axis) {
    for (int i = 0; i < 10; ++i) {
      const ValueId y = any();
      bool alike = true;
      for (size_t k = 0; k < 4; ++k) alike = alike && (k == axis || net.shape(y)[k] == net.shape(x)[k]);
      if (alike) return y;
    }
    return x;
  };
  for (int64_t nodes = 4 + net.below(16); nodes > 0; --nodes) {
    const ValueId x = any();
    const Shape shape = net.shape(x);
    switch (net.below(9)) {
      case 0:
        values.push_back(net.conv(x, 1 + net.below(20), 1 + 2 * net.below(2)));
        break;
      case 1:
        values.push_back(net.depthwise(x, 3));
        break;
      case 2:
        values.push_back(net.add(Unary{UnaryKind::kRelu, 0, 0}, {x}));
        break;
      case 3:
        values.push_back(net.add(Binary{BinaryKind::kAdd}, {x, like(x, 4)}));
        break;
      case 4:
      case 5: {
        const auto axis = static_cast<size_t>(net.below(4) == 0 ? net.below(4) : 1);
        std::vector<ValueId> parts = {x};
        for (int64_t i = net.below(3); i >= 0; --i) parts.push_back(like(x, axis));
        int64_t size = 0;
        for (ValueId part : parts) size += net.shape(part)[axis];
        if (size < 100) values.push_back(net.add(Concat{static_cast<int64_t>(axis)}, parts));
        break;
      }
      case 6: {
        const auto axis = static_cast<size_t>(net.below(4) == 0 ? net.below(4) : 1);
        const int64_t start = net.below(shape[axis]), step = 1 + net.below(5) / 4;
        values.push_back(net.slice(x, axis, start, step, 1 + net.below((shape[axis] - start - 1) / step + 1)));
        break;
      }
      case 7:
        values.push_back(net.shuffle(x));
        break;
      case 8:
        values.push_back(net.add(Reshape{{shape[0], shape[1], shape[2] * shape[3], 1}}, {x}));
        break;
    }
  }
  net.graph.outputs = {values.back()};
  if (const ValueId other = any(); other != values.back() && other != values.front()) net.graph.outputs.push_back(other);
  return net;
}

}  // namespace ht
