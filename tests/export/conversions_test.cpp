// SPDX-License-Identifier: Apache-2.0
#include "ir/conversions.h"

#include "graphs.h"

namespace ht {
namespace {

Convert to_u8(float scale) { return {DType::kUint8, per_tensor(scale, 128)}; }
const Convert kToFloat = {DType::kFloat32, std::nullopt};
const Unary kRelu = {UnaryKind::kRelu, 0, 0};

TEST(FoldConversions, MakesTheValueQuantizedThatOneConversionReads) {
  GraphMaker maker;
  const ValueId relu = maker.node("relu", kRelu, {maker.input("x", {1, 2})});
  const ValueId quantized = maker.node("quantize", to_u8(0.5f), {relu});
  maker.output(maker.node("second", kRelu, {quantized}));
  fold_conversions(maker.graph);
  ASSERT_EQ(maker.graph.nodes.size(), 2u);
  const Value& value = maker.graph.value(maker.graph.nodes[0].outputs[0]);
  EXPECT_EQ(value.name, "relu_out");
  EXPECT_EQ(value.type.dtype, DType::kUint8);
  EXPECT_EQ(value.type.affine, per_tensor(0.5f, 128));
  EXPECT_TRUE(verify(maker.graph));
}

TEST(FoldConversions, KeepsConversionsOfInputsAndOfValuesWithOtherReaders) {
  GraphMaker maker;
  const ValueId x = maker.input("x", {1, 2});
  const ValueId relu = maker.node("relu", kRelu, {maker.node("quantize_x", to_u8(0.5f), {x})});
  maker.output(maker.node("quantize", to_u8(0.25f), {relu}));
  maker.output(maker.node("float_reader", kRelu, {relu}));
  const Graph before = maker.graph;
  fold_conversions(maker.graph);
  EXPECT_EQ(maker.graph, before);
}

TEST(FoldConversions, JoinsEqualConversionsAndDropsThoseToFloat) {
  GraphMaker maker;
  const ValueId relu = maker.node("relu", kRelu, {maker.input("x", {1, 2})});
  const ValueId first = maker.node("first", to_u8(0.5f), {relu}), second = maker.node("second", to_u8(0.5f), {relu});
  const ValueId real = maker.node("real", kToFloat, {first});
  maker.output(maker.node("sum", Binary{BinaryKind::kAdd}, {real, second}));
  fold_conversions(maker.graph);
  ASSERT_EQ(maker.graph.nodes.size(), 2u);
  EXPECT_EQ(maker.graph.nodes[1].inputs[0], maker.graph.nodes[1].inputs[1]);
  EXPECT_TRUE(maker.graph.value(maker.graph.nodes[1].inputs[0]).type.is_quantized());
}

TEST(FoldConversions, KeepsTheNamesOfOutputs) {
  GraphMaker maker;
  const ValueId relu = maker.node("relu", kRelu, {maker.input("x", {1, 2})});
  maker.output(maker.node("quantize", to_u8(0.5f), {relu}));
  fold_conversions(maker.graph);
  ASSERT_EQ(maker.graph.nodes.size(), 1u);
  EXPECT_EQ(maker.graph.value(maker.graph.outputs[0]).name, "quantize_out");
  const Graph once = maker.graph;
  fold_conversions(maker.graph);
  EXPECT_EQ(maker.graph, once);
}

TEST(FoldConversions, KeepsFloatOutputs) {
  GraphMaker maker;
  const ValueId relu = maker.node("relu", kRelu, {maker.input("x", {1, 2})});
  maker.output(maker.node("real", kToFloat, {maker.node("quantize", to_u8(0.5f), {relu})}));
  fold_conversions(maker.graph);
  ASSERT_EQ(maker.graph.nodes.size(), 2u);
  EXPECT_EQ(maker.graph.nodes[1].name, "real");
  EXPECT_FALSE(maker.graph.value(maker.graph.outputs[0]).type.is_quantized());
}

}  // namespace
}  // namespace ht
