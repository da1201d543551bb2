// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "evaluate.h"
#include "passes/passes.h"

namespace ht {
namespace {

constexpr std::string_view kConvAndNormalization = R"(graph "g" {
  input %x : f32[2x2x3x3]
  const %w : f32[2x2x1x1] = [1, -2, 3, 0.5]
  const %scale : f32[2] = [1.5, -0.5]
  const %bias : f32[2] = [0.25, 1]
  const %mean : f32[2] = [0.1, -0.2]
  const %variance : f32[2] = [2, 0.3]
  const %factor : f32[1x2x1x1] = [3, 4]
  const %one : f32[] = [1]
  const %sum : f32[2x1x1] = [-1, 7]
  %c : f32[2x2x3x3] = Conv(%x, %w, _) {strides = [1, 1], dilations = [1, 1], pads = [0, 0, 0, 0]} @"conv"
  %n : f32[2x2x3x3] = BatchNormalization(%c, %scale, %bias, %mean, %variance) {epsilon = 0.001} @"norm"
  %m : f32[2x2x3x3] = Binary(%n, %factor) {kind = Mul} @"mul"
  %s : f32[2x2x3x3] = Binary(%one, %m) {kind = Sub} @"sub"
  %d : f32[2x2x3x3] = Binary(%s, %factor) {kind = Div} @"div"
  %y : f32[2x2x3x3] = Binary(%sum, %d) {kind = Add} @"add"
  output %y
})";

TEST(BatchNormFolding, TakesNormalizationAndArithmeticIntoTheConvolution) {
  const Graph after = expect_kept(graph_of(kConvAndNormalization), batch_norm_folding);
  ASSERT_EQ(after.nodes.size(), 1u);
  EXPECT_EQ(after.nodes[0].name, "conv");
}

TEST(BatchNormFolding, TakesItIntoAGemm) {
  for (const std::string transpose : {"", "transpose_b = true, "}) {
    const std::string shape = transpose.empty() ? "3x2" : "2x3";
    const Graph graph = graph_of(R"(graph "g" {
  input %x : f32[4x3]
  const %w : f32[)" + shape + R"(] = [1, -2, 3, 0.5, 2, 1]
  const %c : f32[1x2] = [1, 2]
  const %scale : f32[2] = [1.5, -0.5]
  const %bias : f32[2] = [0.25, 1]
  const %mean : f32[2] = [0.1, -0.2]
  const %variance : f32[2] = [2, 0.3]
  %g : f32[4x2] = Gemm(%x, %w, %c) {)" +
                                 transpose + R"(alpha = 0.5, beta = 3} @"gemm"
  %y : f32[4x2] = BatchNormalization(%g, %scale, %bias, %mean, %variance) @"norm"
  output %y
})");
    EXPECT_EQ(expect_kept(graph, batch_norm_folding).nodes.size(), 1u);
  }
}

TEST(BatchNormFolding, LeavesWhatOthersReadOrWhatVariesWithinAChannel) {
  Graph graph = graph_of(kConvAndNormalization);
  graph.outputs.push_back(graph.nodes[0].outputs[0]);
  expect_unchanged(graph, batch_norm_folding);
  expect_unchanged(graph_of(R"(graph "g" {
  input %x : f32[1x2x1x2]
  const %w : f32[2x2x1x1] = [1, -2, 3, 0.5]
  const %row : f32[2] = [3, 4]
  %c : f32[1x2x1x2] = Conv(%x, %w, _) {strides = [1, 1], dilations = [1, 1], pads = [0, 0, 0, 0]} @"conv"
  %y : f32[1x2x1x2] = Binary(%c, %row) {kind = Mul} @"mul"
  output %y
})"),
                   batch_norm_folding);
  expect_unchanged(graph_of(R"(graph "g" {
  input %x : f32[1x2x2]
  const %w : f32[2x2x1] = [1, -2, 3, 0.5]
  const %zero : f32[] = [0]
  %c : f32[1x2x2] = Conv(%x, %w, _) {strides = [1], dilations = [1], pads = [0, 0]} @"conv"
  %y : f32[1x2x2] = Binary(%c, %zero) {kind = Div} @"div"
  output %y
})"),
                   batch_norm_folding);
}

TEST(ConstantFolding, ComputesWhatDependsOnConstantsAlone) {
  const Graph after = expect_kept(graph_of(R"(graph "g" {
  input %x : f32[1x4]
  const %shape : i64[4] = [1, 4, 8, 8]
  const %index : i64[1] = [1]
  const %two : i64[1] = [2]
  %c : i64[1] = Gather(%shape, %index) @"gather"
  %h : i64[1] = Binary(%c, %two) {kind = Div} @"div"
  %f : f32[1] = Cast(%h) {to = f32} @"cast"
  %y : f32[1x4] = Binary(%x, %f) {kind = Mul} @"mul"
  output %y
  output %f
})"),
                                  constant_folding);
  EXPECT_EQ(after.nodes.size(), 1u);
  EXPECT_EQ(after.value(after.outputs[1]).constant->to_floats(), std::vector<float>{2});
}

TEST(ConstantFolding, LeavesWhatCannotBeComputed) {
  expect_unchanged(graph_of(R"(graph "g" {
  const %c : i64[1] = [1]
  const %zero : i64[1] = [0]
  %bad : i64[1] = Binary(%c, %zero) {kind = Div} @"bad"
  output %bad
})"),
                   constant_folding);
  expect_unchanged(graph_of(R"(graph "g" {
  const %c : f32[1] = [1]
  %large : f32[100000x1000] = Expand(%c) {shape = [100000, 1000]} @"large"
  output %large
})"),
                   constant_folding);
}

TEST(ConstantFolding, BoundsItsWorkAltogether) {
  Graph graph;
  const auto matrix = [&](const std::string& name, const Shape& shape) { return graph.add_constant(name, Tensor::zeros(DType::kFloat32, shape)); };
  const ValueId b = matrix("b", {512, 512});
  constexpr int kProducts = 5;  // of 2^26 multiplications each
  for (int i = 0; i < kProducts; ++i) {
    const std::string n = std::to_string(i);
    const ValueId product = graph.add_value({"y" + n, {DType::kFloat32, {256, 512}, {}}, {}});
    graph.nodes.push_back({"product" + n, MatMul{}, {matrix("a" + n, {256, 512}), b}, {product}});
    graph.outputs.push_back(product);
  }
  const auto changed = constant_folding(graph);
  ASSERT_TRUE(changed && *changed);
  EXPECT_EQ(graph.nodes.size(), 1u);
}

TEST(DeadCode, RemovesWhatNoOutputNeeds) {
  const Graph graph = graph_of(R"(graph "g" {
  input %x : f32[2]
  input %unused : f32[2]
  const %c : f32[2] = [1, 2]
  const %d : f32[2] = [1, 2]
  %a : f32[2] = Binary(%x, %c) @"a"
  %b : f32[2] = Unary(%a) @"b"
  output %a
  output %x
  output %d
})");
  const Graph after = expect_kept(graph, dead_code);
  EXPECT_EQ(after.nodes.size(), 1u);
  EXPECT_EQ(after.inputs.size(), 2u);
}

}  // namespace
}  // namespace ht
