// SPDX-License-Identifier: Apache-2.0
#include "export/onnx/export.h"

#include <map>
#include <random>

#include "graphs.h"
#include "import/onnx/import.h"

namespace ht {
namespace {

std::vector<uint8_t> exported(const Graph& graph) {
  auto bytes = export_onnx(graph);
  EXPECT_TRUE(bytes) << bytes.error().text();
  return bytes ? *std::move(bytes) : std::vector<uint8_t>();
}

// What a graph says, whatever the order of its values.
void expect_same(const Graph& actual, const Graph& expected) {
  EXPECT_EQ(actual.name, expected.name);
  EXPECT_EQ(actual.metadata, expected.metadata);
  const auto names = [](const Graph& graph, const std::vector<ValueId>& ids) {
    std::vector<std::string> all;
    for (ValueId id : ids) all.push_back(id.valid() ? graph.value(id).name : "");
    return all;
  };
  EXPECT_EQ(names(actual, actual.inputs), names(expected, expected.inputs));
  EXPECT_EQ(names(actual, actual.outputs), names(expected, expected.outputs));
  std::map<std::string, const Value*> values;
  for (const Value& value : expected.values) values[value.name] = &value;
  EXPECT_EQ(actual.values.size(), expected.values.size());
  for (const Value& value : actual.values) {
    ASSERT_TRUE(values.contains(value.name)) << value.name;
    EXPECT_EQ(value, *values[value.name]) << value.name;
  }
  ASSERT_EQ(actual.nodes.size(), expected.nodes.size());
  for (size_t i = 0; i < actual.nodes.size(); ++i) {
    EXPECT_EQ(actual.nodes[i].name, expected.nodes[i].name);
    EXPECT_EQ(actual.nodes[i].op, expected.nodes[i].op) << actual.nodes[i].name;
    EXPECT_EQ(names(actual, actual.nodes[i].inputs), names(expected, expected.nodes[i].inputs));
    EXPECT_EQ(names(actual, actual.nodes[i].outputs), names(expected, expected.nodes[i].outputs));
  }
}

void expect_round_trip(const Graph& graph) {
  const auto verified = verify(graph);
  ASSERT_TRUE(verified) << verified.error().text();
  const auto bytes = exported(graph);
  const auto again = import_onnx_bytes(bytes);
  ASSERT_TRUE(again) << again.error().text();
  expect_same(*again, graph);
  EXPECT_EQ(exported(*again), bytes);
}

TEST(Export, KeepsEveryOperator) {
  GraphMaker m;
  m.graph.metadata = {{"halftone.b", "2"}, {"halftone.a", "1"}};
  const ValueId x = m.input("x", {1, 4, 8, 8});
  ValueId v = m.node("conv", Conv{{1, 1}, {1, 1}, {1, 0, 1, 2}, 2}, {x, m.floats("w", {4, 2, 3, 3}), m.floats("b", {4})});
  v = m.node("norm", BatchNormalization{1e-3f},
             {v, m.floats("s", {4}), m.floats("o", {4}), m.floats("mean", {4}), m.floats("var", {4})});
  for (UnaryKind kind :
       {UnaryKind::kRelu,     UnaryKind::kLeakyRelu, UnaryKind::kSigmoid, UnaryKind::kHardSigmoid, UnaryKind::kTanh,
        UnaryKind::kErf,      UnaryKind::kElu,       UnaryKind::kSelu,    UnaryKind::kCelu,        UnaryKind::kSoftplus,
        UnaryKind::kSoftsign, UnaryKind::kExp,       UnaryKind::kLog,     UnaryKind::kSqrt,        UnaryKind::kNeg,
        UnaryKind::kAbs,      UnaryKind::kFloor,     UnaryKind::kCeil,    UnaryKind::kRound,       UnaryKind::kReciprocal,
        UnaryKind::kSin,      UnaryKind::kCos,       UnaryKind::kSign}) {
    const bool has_alpha = kind == UnaryKind::kLeakyRelu || kind == UnaryKind::kHardSigmoid || kind == UnaryKind::kElu ||
                           kind == UnaryKind::kSelu || kind == UnaryKind::kCelu;
    const bool has_beta = kind == UnaryKind::kHardSigmoid || kind == UnaryKind::kSelu;
    v = m.node(std::string(kUnaryNames[static_cast<size_t>(kind)]), Unary{kind, has_alpha ? 0.3f : 0, has_beta ? 0.7f : 0}, {v});
  }
  v = m.node("clip", Unary{UnaryKind::kClip, -1, 6}, {v});
  for (BinaryKind kind : {BinaryKind::kAdd, BinaryKind::kSub, BinaryKind::kMul, BinaryKind::kDiv, BinaryKind::kPow,
                          BinaryKind::kMin, BinaryKind::kMax, BinaryKind::kFmod, BinaryKind::kPRelu})
    v = m.node(std::string(kBinaryNames[static_cast<size_t>(kind)]), Binary{kind},
               {v, m.floats("c" + std::to_string(static_cast<int>(kind)), {4, 1, 1})});
  const ValueId condition = m.node("less", Binary{BinaryKind::kLess}, {v, x});
  v = m.node("where", Where{}, {m.node("not", Unary{UnaryKind::kNot, 0, 0}, {condition}), v, x});
  v = m.node("concat", Concat{1}, {v, x});
  v = m.node("slice", Slice{{0, 7, 1, 7}, {1, -1, 2, -3}, {1, 8, 3, 3}}, {v});
  v = m.node("pad", Pad{PadMode::kConstant, {0, 0, 1, 2, 0, 0, 3, 0}, 0.5f}, {v});
  v = m.node("pool", Pool{PoolKind::kAverage, {2, 2}, {1, 1}, {1, 1}, {0, 1, 1, 0}, true, true, false}, {v});
  v = m.node("resize", Resize{ResizeMode::kLinear, Coordinates::kAlignCorners, NearestMode::kFloor, {1, 8, 14, 10}, {1, 1, 2, 2}},
             {v});
  v = m.node("max", Pool{PoolKind::kMax, {3, 3}, {2, 1}, {1, 2}, {1, 1, 1, 1}, false, false, false}, {v});
  const Shape shape = m.graph.value(v).type.shape;
  v = m.node("transpose", Transpose{{0, 2, 3, 1}}, {v});
  v = m.node("reshape", Reshape{{1, shape[2] * shape[3], shape[1]}}, {v});
  v = m.node("softmax", Softmax{2, false}, {v});
  v = m.node("logsoftmax", Softmax{1, true}, {v});
  v = m.node("matmul", MatMul{}, {v, m.floats("mm", {8, 6})});
  v = m.node("sum", Reduce{ReduceKind::kSum, {1}, true}, {v});
  v = m.node("mean", Reduce{ReduceKind::kMean, {1}, false}, {v});
  v = m.node("gemm", Gemm{0.5f, 2, false, true}, {v, m.floats("g", {3, 6}), m.floats("gc", {3})});
  m.output(m.node("expand", Expand{{2, 4, 3}}, {v}));
  m.output(m.node("cast", Cast{DType::kInt64}, {v}));
  Pool global{PoolKind::kAverage, {}, {}, {}, {}, false, false, true};
  m.output(m.node("global", global, {x}));
  const ValueId indices = m.graph.add_constant("indices", Tensor::of_int64s(Ints{1, 0}));
  m.output(m.node("gather", Gather{1}, {x, indices}));
  expect_round_trip(m.graph);
}

TEST(Export, WritesQuantizedValuesAndReadsThemAgain) {
  GraphMaker m;
  const ValueId x = m.input("x", {1, 4, 6, 6});
  const ValueId q = m.node("quantize", Convert{DType::kUint8, per_tensor(0.02f, 117)}, {x});
  const ValueId w = m.integers("w", DType::kInt8, {3, 4, 1, 1}, per_axis({0.1f, 0.2f, 0.3f}, 0, 4));
  const ValueId b = m.integers("b", DType::kInt32, {3}, per_axis({1e-3f, 2e-3f, 3e-3f}, 0, 1));
  const ValueId conv = m.node("conv", Conv{{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, {q, w, b});
  m.quantize(conv, DType::kInt8, *Affine::per_axis({0.5f, 0.25f, 2}, {1, -2, 3}, 1, 4));
  const ValueId relu = m.node("relu", Unary{UnaryKind::kRelu, 0, 0}, {conv});
  m.quantize(relu, DType::kInt8, per_tensor(0.3f, -128));
  const ValueId other = m.node("requantize", Convert{DType::kInt8, per_tensor(0.7f, 5)}, {relu});
  m.output(m.node("sum", Binary{BinaryKind::kAdd}, {relu, other}));
  m.output(m.node("real", Convert{DType::kFloat32, std::nullopt}, {relu}));
  const ValueId integers =
      m.node("pool", Pool{PoolKind::kMax, {2, 2}, {1, 1}, {1, 1}, {0, 0, 0, 0}, false, false, false}, {conv});
  m.quantize(integers, DType::kInt8, per_tensor(0.4f, 2));
  m.output(integers);
  expect_round_trip(m.graph);
}

TEST(Export, WritesQuantizedInputs) {
  GraphMaker m;
  const ValueId x = m.input("x", {1, 4});
  m.quantize(x, DType::kUint8, per_tensor(0.1f, 3));
  m.output(m.node("relu", Unary{UnaryKind::kRelu, 0, 0}, {x}));
  expect_round_trip(m.graph);
}

TEST(Export, WritesWideAndNarrowIntegersWithANewerOpset) {
  for (DType dtype : {DType::kInt4, DType::kUint4, DType::kInt16, DType::kUint16}) {
    GraphMaker m;
    const ValueId w = m.integers("w", dtype, {4, 3}, per_axis({0.1f, 0.2f, 0.3f}, 1, 2));
    const ValueId made = m.node("matmul", MatMul{}, {m.input("x", {2, 4}), w});
    m.quantize(made, DType::kInt16, per_tensor(1e-3f));
    m.output(m.node("relu", Unary{UnaryKind::kRelu, 0, 0}, {made}));
    expect_round_trip(m.graph);
  }
}

Affine product_of(const std::vector<float>& first, const std::vector<float>& second) {
  std::vector<float> scales;
  for (float a : first)
    for (float b : second) scales.push_back(a * b);
  return *Affine::make({static_cast<int64_t>(first.size()), static_cast<int64_t>(second.size()), 1, 1}, scales, {});
}

// Weights that have absorbed their input's scales: any products with the first input's factor 1 come back bit for bit.
TEST(Export, WritesScalesOverTwoAxesAsFactors) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> exponent(-6, 1);
  for (int round = 0; round < 50; ++round) {
    std::vector<float> first(5), second(8);
    for (float& scale : first) scale = std::exp2(exponent(random));
    for (float& scale : second) scale = std::exp2(exponent(random));
    second[0] = 1;
    GraphMaker m;
    const ValueId w = m.integers("w", DType::kInt8, {5, 8, 1, 1}, product_of(first, second));
    m.output(m.node("conv", Conv{{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, {m.input("x", {1, 8, 2, 2}), w}));
    expect_round_trip(m.graph);
  }
}

TEST(Export, RefusesScalesOverTwoAxesThatAreNoProducts) {
  GraphMaker m;
  const Affine affine = *Affine::make({2, 2, 1, 1}, {1, 2, 3, 4}, {});
  const ValueId w = m.integers("w", DType::kInt8, {2, 2, 1, 1}, affine);
  m.output(m.node("conv", Conv{{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, {m.input("x", {1, 2, 2, 2}), w}));
  const auto bytes = export_onnx(m.graph);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(bytes.error().text().find("w"), std::string::npos);
}

TEST(Export, WritesScalesABlock) {
  GraphMaker m;
  const Affine affine = *Affine::make({2, 3}, {1, 2, 3, 4, 5, 6}, {}, 4);
  const ValueId w = m.integers("w", DType::kInt4, {2, 12}, affine);
  m.output(m.node("gemm", Gemm{1, 1, false, true}, {m.input("x", {2, 12}), w}));
  expect_round_trip(m.graph);
}

TEST(Export, WritesScalesABlockOfInputChannels) {
  GraphMaker m;
  const Affine affine = *Affine::make({2, 3, 1, 1}, {1, 2, 3, 4, 5, 6}, {}, 4);
  const ValueId w = m.integers("w", DType::kInt4, {2, 12, 3, 3}, affine);
  m.output(m.node("conv", Conv{{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, {m.input("x", {1, 12, 4, 4}), w}));
  expect_round_trip(m.graph);
}

std::vector<float> random_scales(std::mt19937& random, size_t count) {
  std::uniform_real_distribution<float> exponent(-6, 1);
  std::vector<float> scales(count);
  for (float& scale : scales) scale = std::exp2(exponent(random));
  return scales;
}

Graph convolution_of(DType dtype, const Shape& weights, Affine affine) {
  GraphMaker m;
  const ValueId w = m.integers("w", dtype, weights, std::move(affine));
  m.output(m.node("conv", Conv{{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, {m.input("x", {1, weights[1], 5, 5}), w}));
  return m.graph;
}

// Each tap has its own scales; the last block has fewer inputs, or there is one.
TEST(Export, WritesScalesABlockOfEachTap) {
  std::mt19937 random(8);
  expect_round_trip(convolution_of(DType::kInt4, {2, 17, 3, 2}, *Affine::make({2, 4, 3, 2}, random_scales(random, 48), {}, 5)));
  expect_round_trip(convolution_of(DType::kInt4, {2, 6, 3, 2}, *Affine::make({2, 1, 3, 2}, random_scales(random, 12), {})));
  expect_round_trip(convolution_of(DType::kUint4, {2, 5, 1, 1}, *Affine::make({2, 2, 1, 1}, {1, 2, 3, 4}, {1, 15, 0, 7}, 3)));
  expect_round_trip(convolution_of(DType::kInt8, {2, 17, 3, 2}, *Affine::make({2, 4, 3, 2}, random_scales(random, 48), {}, 5)));
}

// Weights in blocks that have absorbed their input's scales: any products with the factor 1 of each block's first input.
TEST(Export, WritesScalesABlockTimesFactors) {
  std::mt19937 random(9);
  for (const int64_t block : {4, 6}) {
    constexpr int64_t kInputs = 15, kTaps = 6;
    const auto first = random_scales(random, 3 * kInputs * kTaps), factors = random_scales(random, kInputs);
    std::vector<float> scales;
    for (int64_t o = 0; o < 3; ++o)
      for (int64_t i = 0; i < kInputs; ++i)
        for (int64_t t = 0; t < kTaps; ++t) {
          const float factor = i % block == 0 ? 1 : factors[static_cast<size_t>(i)];
          scales.push_back(first[static_cast<size_t>((o * kInputs + i / block) * kTaps + t)] * factor);
        }
    expect_round_trip(convolution_of(DType::kInt4, {3, kInputs, 2, 3}, *Affine::make({3, kInputs, 2, 3}, scales, {})));
  }
}

TEST(Export, SpellsOutActivationsThatTheOpsetHasNot) {
  for (UnaryKind kind : {UnaryKind::kSilu, UnaryKind::kHardSwish, UnaryKind::kMish, UnaryKind::kGelu, UnaryKind::kGeluTanh}) {
    GraphMaker m;
    const ValueId x = m.input("x", {1, 50});
    m.output(m.node("activation", Unary{kind, 0, 0}, {x}));
    const auto again = import_onnx_bytes(exported(m.graph));
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(again->nodes.back().name, "activation");
    std::vector<float> numbers(50);
    for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i) / 5 - 5;
    const Tensor input = Tensor::of_floats({1, 50}, numbers);
    std::vector<Tensor> tensors(again->values.size());
    tensors[again->inputs[0].index] = input;
    for (size_t i = 0; i < again->values.size(); ++i)
      if (again->values[i].constant) tensors[i] = *again->values[i].constant;
    for (const Node& node : again->nodes) {
      std::vector<const Tensor*> inputs;
      for (ValueId id : node.inputs) inputs.push_back(&tensors[id.index]);
      tensors[node.outputs[0].index] = reference(node, inputs)->at(0);
    }
    const Tensor* pointer = &input;
    const auto expected = reference(m.graph.nodes[0], InputTensors(&pointer, 1))->at(0).to_floats();
    const auto actual = tensors[again->outputs[0].index].to_floats();
    for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 2e-6);
  }
}

}  // namespace
}  // namespace ht
