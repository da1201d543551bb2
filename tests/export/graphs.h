// SPDX-License-Identifier: Apache-2.0
// Graphs made by hand, one node after the other.
#pragma once

#include <gtest/gtest.h>

#include "ops/ops.h"

namespace ht {

class GraphMaker {
 public:
  GraphMaker() { graph.name = "net"; }

  ValueId input(const std::string& name, Shape shape, DType dtype = DType::kFloat32) {
    const ValueId id = graph.add_value({name, {dtype, std::move(shape), std::nullopt}, std::nullopt});
    graph.inputs.push_back(id);
    return id;
  }
  ValueId floats(const std::string& name, Shape shape) {
    std::vector<float> values(static_cast<size_t>(element_count(shape)));
    for (size_t i = 0; i < values.size(); ++i) values[i] = 0.25f + static_cast<float>(i % 17) / 16;
    return graph.add_constant(name, Tensor::of_floats(std::move(shape), values));
  }
  ValueId integers(const std::string& name, DType dtype, Shape shape, Affine affine) {
    const Tensor tensor = Tensor::zeros(dtype, shape);
    return graph.add_value({name, {dtype, std::move(shape), std::move(affine)}, tensor});
  }
  ValueId node(const std::string& name, Op op, std::vector<ValueId> inputs) {
    Node made{name, std::move(op), std::move(inputs), {}};
    auto types = infer(graph, made);
    EXPECT_TRUE(types) << name << ": " << types.error().text();
    if (!types) return inputs.at(0);
    made.outputs = {graph.add_value({name + "_out", types->at(0), std::nullopt})};
    graph.nodes.push_back(made);
    return made.outputs[0];
  }
  void quantize(ValueId id, DType dtype, Affine affine) {
    graph.value(id).type.dtype = dtype;
    graph.value(id).type.affine = std::move(affine);
  }
  void output(ValueId id) { graph.outputs.push_back(id); }

  Graph graph;
};

inline Affine per_tensor(float scale, int32_t zero_point = 0) { return *Affine::per_tensor(scale, zero_point); }
inline Affine per_axis(std::vector<float> scales, size_t axis, size_t rank) {
  return *Affine::per_axis(std::move(scales), {}, axis, rank);
}

}  // namespace ht
