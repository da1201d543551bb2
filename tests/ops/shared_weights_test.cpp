// SPDX-License-Identifier: Apache-2.0
// Weights whose bytes lie as a kernel wants them are in memory once, in the graph and in its plan.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "ops/prepare.h"

namespace ht {
namespace {

constexpr int64_t kInputs = 3, kOutputs = 4;

// A convolution of int8 values with square windows of this side.
Graph convolution(int64_t side, int32_t weight_zero_point) {
  const auto type = [](const Shape& shape, int32_t zero_point) {
    return TensorType{DType::kInt8, shape, *Affine::per_tensor(0.5f, zero_point)};
  };
  const Shape shape{kOutputs, kInputs, side, side};
  std::vector<int8_t> weights(static_cast<size_t>(element_count(shape)));
  std::iota(weights.begin(), weights.end(), int8_t{-10});
  Graph graph;
  const ValueId x = graph.add_value({"x", type({1, kInputs, 5, 5}, 1), std::nullopt});
  const ValueId w =
      graph.add_value({"w", type(shape, weight_zero_point), Tensor::of(DType::kInt8, shape, std::span<const int8_t>(weights))});
  const ValueId y = graph.add_value({"y", type({1, kOutputs, 6 - side, 6 - side}, 2), std::nullopt});
  Conv op;
  op.strides = op.dilations = {1, 1};
  op.pads = {0, 0, 0, 0};
  graph.inputs = {x};
  graph.nodes.push_back({"conv", op, {x, w}, {y}});
  graph.outputs = {y};
  return graph;
}

// What the plan's convolution reads, and whether that is the graph's own memory.
struct Read {
  std::vector<int8_t> weights;
  bool shared = false;
};
Read read_of(const Graph& graph) {
  const auto plan = make_plan(graph);
  if (!plan) return ADD_FAILURE() << plan.error().text(), Read();
  const auto step = std::ranges::find(plan->steps, KernelId::k_conv, &Step::kernel);
  if (step == plan->steps.end()) return ADD_FAILURE() << "no convolution in integers", Read();
  const int8_t* weights = std::get<ht_conv_params>(step->params).weights;
  const auto stored = graph.values[1].constant->data<int8_t>();
  return {{weights, weights + stored.size()}, weights == stored.data()};
}

TEST(SharedWeights, OfOneTapAreTheGraphsOwn) {
  const Read read = read_of(convolution(1, 0));
  EXPECT_TRUE(read.shared);
}

TEST(SharedWeights, OutliveTheGraph) {
  auto graph = std::make_unique<Graph>(convolution(1, 0));
  const auto plan = make_plan(*graph);
  graph.reset();
  ASSERT_TRUE(plan) << plan.error().text();
  const auto step = std::ranges::find(plan->steps, KernelId::k_conv, &Step::kernel);
  ASSERT_NE(step, plan->steps.end());
  EXPECT_EQ(std::get<ht_conv_params>(step->params).weights[0], -10);
  EXPECT_EQ(std::get<ht_conv_params>(step->params).weights[kInputs * kOutputs - 1], 1);
}

TEST(SharedWeights, InAnotherOrderAreCopied) {
  const Read read = read_of(convolution(2, 0));
  EXPECT_FALSE(read.shared);
  EXPECT_EQ(std::vector<int8_t>(read.weights.begin(), read.weights.begin() + 4), (std::vector<int8_t>{-10, -6, -2, -9}));
}

TEST(SharedWeights, WithAZeroPointAreCopied) {
  const Read read = read_of(convolution(1, 3));
  EXPECT_FALSE(read.shared);
  EXPECT_EQ(read.weights[0], -13);
}

}  // namespace
}  // namespace ht
