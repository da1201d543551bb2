// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/convert/convert.h"
#include "ops/ops.h"

namespace ht {
namespace {

Tensor floats(Shape shape, std::vector<float> elements) { return Tensor::of_floats(std::move(shape), elements); }
Tensor int64s(Shape shape, std::vector<int64_t> elements) { return Tensor::of_int64s(elements).reshaped(std::move(shape)); }

// 0, 1, 2, ... in that shape.
Tensor counting(Shape shape) {
  std::vector<float> elements(static_cast<size_t>(element_count(shape)));
  for (size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<float>(i);
  return floats(std::move(shape), std::move(elements));
}

Result<Tensor> compute(Op op, const std::vector<Tensor>& tensors) {
  std::vector<const Tensor*> inputs;
  for (const Tensor& tensor : tensors) inputs.push_back(&tensor);
  HT_ASSIGN(const std::vector<Tensor> outputs, reference(Node{"node", std::move(op), {}, {}}, inputs));
  return outputs.at(0);
}

void expect_floats(Op op, const std::vector<Tensor>& inputs, const Shape& shape, const std::vector<float>& elements) {
  const auto output = compute(std::move(op), inputs);
  ASSERT_TRUE(output) << output.error().text();
  EXPECT_EQ(output->shape(), shape);
  const auto got = output->to_floats();
  ASSERT_EQ(got.size(), elements.size());
  for (size_t i = 0; i < got.size(); ++i) {
    if (std::isfinite(elements[i]))
      EXPECT_NEAR(got[i], elements[i], 1e-6 * std::max(1.0f, std::abs(elements[i]))) << "element " << i;
    else
      EXPECT_EQ(std::isnan(got[i]) ? "nan" : fmt::format("{}", got[i]), fmt::format("{}", elements[i])) << "element " << i;
  }
}

void expect_int64s(Op op, const std::vector<Tensor>& inputs, const Shape& shape, const std::vector<int64_t>& elements) {
  const auto output = compute(std::move(op), inputs);
  ASSERT_TRUE(output) << output.error().text();
  EXPECT_EQ(output->shape(), shape);
  EXPECT_EQ(output->to_int64s(), elements);
}

TEST(Reference, ConvWithStridePaddingDilationAndGroups) {
  const Conv plain{{1, 1}, {1, 1}, {1, 0, 0, 1}, 1};
  expect_floats(plain, {counting({1, 1, 2, 3}), floats({1, 1, 2, 2}, {1, 2, 3, 4}), floats({1}, {10})}, {1, 1, 2, 3},
                {14, 21, 16, 10 + 0 + 2 + 9 + 16, 10 + 1 + 4 + 12 + 20, 10 + 2 + 15});
  const Conv dilated{{2}, {2}, {0, 0}, 2};
  expect_floats(dilated, {counting({1, 2, 5}), floats({2, 1, 2}, {1, 1, 1, -1})}, {1, 2, 2}, {2, 6, -2, -2});
  const Conv volume{{1, 1, 1}, {1, 1, 1}, {0, 0, 0, 0, 0, 0}, 1};
  expect_floats(volume, {counting({1, 1, 2, 2, 2}), floats({1, 1, 2, 2, 2}, std::vector<float>(8, 1))}, {1, 1, 1, 1, 1}, {28});
}

TEST(Reference, PoolsCountWhatIsInsideOrPadded) {
  const Tensor x = counting({1, 1, 3, 3});
  expect_floats(Pool{PoolKind::kMax, {2, 2}, {2, 2}, {1, 1}, {1, 1, 0, 0}}, {x}, {1, 1, 2, 2}, {0, 2, 6, 8});
  expect_floats(Pool{PoolKind::kAverage, {2, 2}, {2, 2}, {1, 1}, {1, 1, 0, 0}}, {x}, {1, 1, 2, 2}, {0, 1.5f, 4.5f, 6});
  expect_floats(Pool{PoolKind::kAverage, {2, 2}, {2, 2}, {1, 1}, {1, 1, 0, 0}, false, true}, {x}, {1, 1, 2, 2},
                {0, 0.75f, 2.25f, 6});
  expect_floats(Pool{PoolKind::kAverage, {2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, true, true}, {x}, {1, 1, 2, 2},
                {2, 3.5f, 6.5f, 8});
  expect_floats(Pool{PoolKind::kAverage, {}, {}, {}, {}, false, false, true}, {x}, {1, 1, 1, 1}, {4});
  expect_floats(Pool{PoolKind::kMax, {2, 2}, {1, 1}, {2, 2}, {0, 0, 0, 0}}, {x}, {1, 1, 1, 1}, {8});
}

TEST(Reference, CeilModeDropsWindowsThatStartInThePadding) {
  // ceil((3 + 2 - 2) / 2) + 1 = 3 windows, the last of which would start at 3, in the padding.
  expect_floats(Pool{PoolKind::kMax, {2}, {2}, {1}, {1, 1}, true}, {counting({1, 1, 3})}, {1, 1, 2}, {0, 2});
  expect_floats(Pool{PoolKind::kMax, {2}, {2}, {1}, {0, 0}, true}, {counting({1, 1, 5})}, {1, 1, 3}, {1, 3, 4});
}

TEST(Reference, GemmTransposesAndBroadcastsItsBias) {
  const Tensor a = floats({2, 3}, {1, 2, 3, 4, 5, 6}), b = floats({3, 2}, {1, 0, 0, 1, 1, 1});
  expect_floats(Gemm{}, {a, b}, {2, 2}, {4, 5, 10, 11});
  expect_floats(Gemm{2, 0.5f}, {a, b, floats({2, 1}, {10, 20})}, {2, 2}, {13, 15, 30, 32});
  expect_floats(Gemm{1, 1, true, true}, {a.reshaped({3, 2}), b.reshaped({2, 3}), floats({}, {1})}, {2, 2}, {2, 10, 3, 13});
}

TEST(Reference, MatMulFollowsNumpy) {
  const Tensor vector = floats({2}, {1, 2}), matrix = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  expect_floats(MatMul{}, {vector, matrix}, {3}, {9, 12, 15});
  expect_floats(MatMul{}, {matrix.reshaped({3, 2}), vector}, {3}, {5, 11, 17});
  expect_floats(MatMul{}, {vector, vector}, {}, {5});
  expect_floats(MatMul{}, {counting({2, 1, 1, 2}), counting({3, 2, 1})}, {2, 3, 1, 1}, {1, 3, 5, 3, 13, 23});
}

TEST(Reference, BatchNormalization) {
  expect_floats(
      BatchNormalization{0},
      {floats({1, 2, 2}, {1, 2, 3, 4}), floats({2}, {2, 1}), floats({2}, {0, 10}), floats({2}, {1, 3}), floats({2}, {4, 1})},
      {1, 2, 2}, {0, 1, 10, 11});
}

TEST(Reference, UnaryFunctions) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x = floats({4}, {-2, 0.5f, 1, 8});
  auto expect = [&](UnaryKind kind, std::vector<float> wanted, float alpha = 0, float beta = 0) {
    expect_floats(Unary{kind, alpha, beta}, {x}, {4}, wanted);
  };
  expect(UnaryKind::kRelu, {0, 0.5f, 1, 8});
  expect(UnaryKind::kLeakyRelu, {-0.2f, 0.5f, 1, 8}, 0.1f);
  expect(UnaryKind::kClip, {-1, 0.5f, 1, 6}, -1, 6);
  expect(UnaryKind::kSigmoid, {0.1192029f, 0.6224593f, 0.7310586f, 0.9996647f});
  expect(UnaryKind::kHardSigmoid, {0.1f, 0.6f, 0.7f, 1}, 0.2f, 0.5f);
  expect(UnaryKind::kSilu, {-0.2384058f, 0.3112297f, 0.7310586f, 7.9973173f});
  expect(UnaryKind::kHardSwish, {-1 / 3.0f, 0.2916667f, 2 / 3.0f, 8});
  expect(UnaryKind::kTanh, {-0.9640276f, 0.4621172f, 0.7615942f, 0.9999998f});
  expect(UnaryKind::kGelu, {-0.0455003f, 0.3457312f, 0.8413447f, 8});
  expect(UnaryKind::kGeluTanh, {-0.0454023f, 0.3457140f, 0.8411920f, 8});
  expect(UnaryKind::kElu, {-0.8646647f, 0.5f, 1, 8}, 1);
  expect(UnaryKind::kSelu, {-1.5201665f, 0.5253505f, 1.050701f, 8.405608f}, 1.6732632f, 1.050701f);
  expect(UnaryKind::kCelu, {-1.2642411f, 0.5f, 1, 8}, 2);
  expect(UnaryKind::kSoftplus, {0.1269280f, 0.9740770f, 1.3132617f, 8.0003354f});
  expect(UnaryKind::kMish, {-0.2525015f, 0.3752452f, 0.8650984f, 7.9999985f});
  expect(UnaryKind::kReciprocal, {-0.5f, 2, 1, 0.125f});
  expect(UnaryKind::kLog, {nan, -0.6931472f, 0, 2.0794415f});
  expect(UnaryKind::kRound, {-2, 0, 1, 8});
  expect_floats(Unary{UnaryKind::kRound}, {floats({4}, {0.5f, 1.5f, -2.5f, nan})}, {4}, {0, 2, -2, nan});
  expect_floats(Unary{UnaryKind::kRelu}, {floats({3}, {-inf, nan, inf})}, {3}, {0, nan, inf});
  expect_floats(Unary{UnaryKind::kSilu}, {floats({2}, {-inf, -1000})}, {2}, {0, 0});
  expect_int64s(Unary{UnaryKind::kClip, 0, 4}, {int64s({3}, {-5, 3, INT64_MAX})}, {3}, {0, 3, 4});
  expect_int64s(Unary{UnaryKind::kNeg}, {int64s({2}, {5, INT64_MIN})}, {2}, {-5, INT64_MIN});
}

TEST(Reference, BinaryIntegersFollowOnnx) {
  const Tensor a = int64s({4}, {7, -7, 7, -7}), b = int64s({4}, {2, 2, -2, -2});
  expect_int64s(Binary{BinaryKind::kDiv}, {a, b}, {4}, {3, -3, -3, 3});
  expect_int64s(Binary{BinaryKind::kMod}, {a, b}, {4}, {1, 1, -1, -1});
  expect_int64s(Binary{BinaryKind::kFmod}, {a, b}, {4}, {1, -1, 1, -1});
  expect_int64s(Binary{BinaryKind::kPow}, {a, int64s({}, {3})}, {4}, {343, -343, 343, -343});
  expect_int64s(Binary{BinaryKind::kDiv}, {int64s({1}, {INT64_MIN}), int64s({1}, {-1})}, {1}, {INT64_MIN});
  expect_int64s(Binary{BinaryKind::kMul}, {int64s({1}, {INT64_MAX}), int64s({1}, {2})}, {1}, {-2});
  expect_int64s(Binary{BinaryKind::kLess}, {a, int64s({1}, {0})}, {4}, {0, 1, 0, 1});
  EXPECT_EQ(compute(Binary{BinaryKind::kLess}, {a, b})->dtype(), DType::kBool);
  for (BinaryKind kind : {BinaryKind::kDiv, BinaryKind::kMod, BinaryKind::kFmod})
    EXPECT_FALSE(compute(Binary{kind}, {a, int64s({4}, {1, 0, 1, 1})}));
}

TEST(Reference, BinaryBroadcasts) {
  expect_floats(Binary{BinaryKind::kSub}, {floats({2, 1}, {10, 20}), floats({3}, {1, 2, 3})}, {2, 3}, {9, 8, 7, 19, 18, 17});
  expect_floats(Binary{BinaryKind::kPRelu}, {floats({1, 2, 1}, {-1, -1}), floats({2, 1}, {0.5f, 0.25f})}, {1, 2, 1},
                {-0.5f, -0.25f});
  expect_floats(Binary{BinaryKind::kPow}, {floats({2}, {3, 4}), int64s({}, {2})}, {2}, {9, 16});
}

TEST(Reference, MovesElements) {
  const Tensor x = counting({2, 3});
  expect_floats(Concat{1}, {x, floats({2, 1}, {10, 11})}, {2, 4}, {0, 1, 2, 10, 3, 4, 5, 11});
  expect_floats(Slice{{1, 2}, {-1, -2}, {2, 2}}, {x}, {2, 2}, {5, 3, 2, 0});
  expect_floats(Reshape{{3, 2}}, {x}, {3, 2}, {0, 1, 2, 3, 4, 5});
  expect_floats(Transpose{{1, 0}}, {x}, {3, 2}, {0, 3, 1, 4, 2, 5});
  expect_floats(Expand{{2, 2, 3}}, {floats({1, 3}, {1, 2, 3})}, {2, 2, 3}, {1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3});
  expect_floats(Gather{1}, {x, int64s({2, 1}, {-1, 0})}, {2, 2, 1}, {2, 0, 5, 3});
  expect_floats(Gather{0}, {x, int64s({}, {1})}, {3}, {3, 4, 5});
  Tensor condition = Tensor::zeros(DType::kBool, {3});
  condition.mutable_data<uint8_t>()[1] = 1;
  expect_floats(Where{}, {condition, x, floats({}, {-1})}, {2, 3}, {-1, 1, -1, -1, 4, -1});
}

TEST(Reference, ElementsByIndex) {
  const Tensor x = counting({2, 3}), updates = floats({2, 1}, {10, 20});
  expect_floats(GatherElements{1}, {x, int64s({2, 1}, {-1, 1})}, {2, 1}, {2, 4});
  expect_floats(GatherND{0}, {x, int64s({2, 2}, {0, -1, 1, 0})}, {2}, {2, 3});
  expect_floats(GatherND{1}, {x, int64s({2, 1}, {2, 0})}, {2}, {2, 3});
  expect_floats(ScatterElements{1, ScatterReduction::kAdd}, {x, int64s({2, 1}, {0, -1}), updates}, {2, 3}, {10, 1, 2, 3, 4, 25});
  expect_floats(ScatterND{ScatterReduction::kMax}, {x, int64s({2, 1}, {1, 1}), floats({2, 3}, {9, 0, 0, 0, 9, 0})}, {2, 3}, {0, 1, 2, 9, 9, 5});
  EXPECT_FALSE(compute(GatherElements{1}, {x, int64s({2, 1}, {3, 0})}));
}

TEST(Reference, OrderAndSums) {
  const Tensor x = floats({2, 4}, {3, 1, 3, 2, -1, 0, 5, 0});
  expect_int64s(ArgExtreme{1}, {x}, {2, 1}, {0, 2});
  expect_int64s(ArgExtreme{1, false, true}, {x}, {2, 1}, {2, 2});
  expect_int64s(ArgExtreme{0, true}, {x}, {1, 4}, {1, 1, 0, 1});
  expect_int64s(TopK{1, 3}, {x}, {2, 3}, {0, 2, 3, 2, 1, 3});
  expect_int64s(TopK{1, 2, true}, {x}, {2, 2}, {1, 3, 0, 1});
  expect_floats(Cumulative{CumulativeKind::kSum, 1}, {x}, {2, 4}, {3, 4, 7, 9, -1, -1, 4, 4});
  expect_int64s(Cumulative{CumulativeKind::kProd, 0, true, true}, {int64s({3}, {2, 3, 4})}, {3}, {12, 4, 1});
  expect_floats(Normalize{1, 0, true}, {floats({1, 2}, {1, 3})}, {1, 2}, {-1, 1});
  expect_floats(Normalize{0, 0, false}, {floats({2}, {1, 7})}, {2}, {0.2f, 1.4f});
}

TEST(Reference, Pads) {
  const Tensor x = counting({4});
  expect_floats(Pad{PadMode::kConstant, {1, 2}, 9}, {x}, {7}, {9, 0, 1, 2, 3, 9, 9});
  expect_floats(Pad{PadMode::kReflect, {2, 3}, 0}, {x}, {9}, {2, 1, 0, 1, 2, 3, 2, 1, 0});
  expect_floats(Pad{PadMode::kEdge, {2, 1}, 0}, {x}, {7}, {0, 0, 0, 1, 2, 3, 3});
  expect_floats(Pad{PadMode::kWrap, {1, 6}, 0}, {x}, {11}, {3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1});
  expect_floats(Pad{PadMode::kConstant, {-1, 1}, 5}, {x}, {4}, {1, 2, 3, 5});
  EXPECT_FALSE(compute(Pad{PadMode::kReflect, {4, 0}, 0}, {x}));
}

TEST(Reference, Resizes) {
  const Tensor x = floats({1, 1, 2}, {10, 20});
  auto resize = [](ResizeMode mode, Coordinates coordinates, NearestMode nearest, int64_t to) {
    return Resize{mode, coordinates, nearest, {1, 1, to}, {1, 1, static_cast<float>(to) / 2}};
  };
  expect_floats(resize(ResizeMode::kNearest, Coordinates::kAsymmetric, NearestMode::kFloor, 4), {x}, {1, 1, 4}, {10, 10, 20, 20});
  expect_floats(resize(ResizeMode::kNearest, Coordinates::kHalfPixel, NearestMode::kRoundPreferFloor, 3), {x}, {1, 1, 3},
                {10, 10, 20});
  expect_floats(resize(ResizeMode::kNearest, Coordinates::kHalfPixel, NearestMode::kRoundPreferCeil, 3), {x}, {1, 1, 3},
                {10, 20, 20});
  expect_floats(resize(ResizeMode::kLinear, Coordinates::kHalfPixel, {}, 4), {x}, {1, 1, 4}, {10, 12.5f, 17.5f, 20});
  expect_floats(resize(ResizeMode::kLinear, Coordinates::kAlignCorners, {}, 3), {x}, {1, 1, 3}, {10, 15, 20});
  expect_floats(resize(ResizeMode::kLinear, Coordinates::kAsymmetric, {}, 4), {x}, {1, 1, 4}, {10, 15, 20, 20});
  expect_floats(resize(ResizeMode::kLinear, Coordinates::kPytorchHalfPixel, {}, 1), {x}, {1, 1, 1}, {10});
  const Resize cubic{ResizeMode::kCubic, Coordinates::kHalfPixel, {}, {1, 1, 8}, {1, 1, 2}};
  expect_floats(cubic, {floats({1, 1, 4}, {1, 2, 3, 4})}, {1, 1, 8},
                {0.89453125f, 1.19140625f, 1.66796875f, 2.296875f, 2.703125f, 3.33203125f, 3.80859375f, 4.10546875f});
}

TEST(Reference, ReducesAndSoftmax) {
  const Tensor x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  expect_floats(Reduce{ReduceKind::kMean, {1}, true}, {x}, {2, 1}, {2, 5});
  expect_floats(Reduce{ReduceKind::kSum, {0}, false}, {x}, {3}, {5, 7, 9});
  expect_floats(Reduce{ReduceKind::kProd, {0, 1}, false}, {x}, {}, {720});
  expect_floats(Reduce{ReduceKind::kL2, {1}, false}, {x}, {2}, {3.7416575f, 8.774964f});
  expect_floats(Reduce{ReduceKind::kLogSumExp, {1}, false}, {x}, {2}, {3.407606f, 6.407606f});
  expect_floats(Reduce{ReduceKind::kMin, {1}, false}, {x}, {2}, {1, 4});
  expect_int64s(Reduce{ReduceKind::kProd, {0}, false}, {int64s({3}, {2, 3, 4})}, {}, {24});
  expect_int64s(Reduce{ReduceKind::kMax, {0}, true}, {int64s({3}, {-2, -3, -4})}, {1}, {-2});
  expect_floats(Softmax{1, false}, {floats({1, 2}, {0, std::log(3.0f)})}, {1, 2}, {0.25f, 0.75f});
  expect_floats(Softmax{0, true}, {floats({2, 1}, {1000, 1000})}, {2, 1}, {-0.6931472f, -0.6931472f});
}

TEST(Reference, Casts) {
  const Tensor x = floats({5}, {-1.9f, 2.5f, 300, std::numeric_limits<float>::quiet_NaN(), 1e30f});
  EXPECT_EQ(compute(Cast{DType::kInt32}, {x})->to_int64s(), (std::vector<int64_t>{-1, 2, 300, 0, INT32_MAX}));
  EXPECT_EQ(compute(Cast{DType::kBool}, {floats({2}, {0, 0.25f})})->to_int64s(), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(compute(Cast{DType::kInt8}, {int64s({3}, {1, 300, -129})})->to_int64s(), (std::vector<int64_t>{1, 44, 127}));
  EXPECT_EQ(compute(Cast{DType::kFloat16}, {floats({1}, {0.1f})})->to_floats(),
            std::vector<float>{half_to_float(float_to_half(0.1f))});
}

TEST(Reference, ConvertRoundsHalfToEvenAndSaturates) {
  const auto affine = Affine::per_tensor(0.5f, 3);
  const Tensor x = floats({6}, {0.25f, 0.75f, -0.25f, 100, -100, std::numeric_limits<float>::quiet_NaN()});
  const auto q = compute(Convert{DType::kInt8, *affine}, {x});
  ASSERT_TRUE(q);
  EXPECT_EQ(q->to_int64s(), (std::vector<int64_t>{3, 5, 3, 127, -128, 3}));
  const auto channels = Affine::per_axis({1, 2}, {0, 0}, 0, 2);
  EXPECT_EQ(compute(Convert{DType::kUint8, *channels}, {floats({2, 2}, {3, 4, 6, 8})})->to_int64s(),
            (std::vector<int64_t>{3, 4, 3, 4}));
  EXPECT_FALSE(compute(Convert{DType::kInt8, std::nullopt}, {x}));
}

}  // namespace
}  // namespace ht
