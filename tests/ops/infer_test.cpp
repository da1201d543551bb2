// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "ir/text.h"
#include "ops/ops.h"

namespace ht {
namespace {

struct Case {
  Op op;
  std::vector<TensorType> inputs;
};

TensorType f32(Shape shape) { return {DType::kFloat32, std::move(shape), std::nullopt}; }
TensorType i64(Shape shape) { return {DType::kInt64, std::move(shape), std::nullopt}; }

Result<Types> infer_case(const Case& given) {
  std::vector<InferInput> inputs;
  for (const TensorType& type : given.inputs) inputs.push_back({&type, nullptr});
  return infer(Node{"the node", given.op, {}, {}}, inputs);
}

TEST(Infer, ErrorsNameTheNodeAndWhatIsWrong) {
  constexpr int64_t kHuge = int64_t{1} << 62;
  const Conv conv{{1, 1}, {1, 1}, {0, 0, 0, 0}, 1};
  const std::pair<Case, std::string_view> cases[] = {
      {{conv, {f32({1, 3, 8, 8})}}, "has 1 inputs"},
      {{conv, {f32({1, 3, 8, 8}), f32({4, 2, 3, 3})}}, "do not make 1 groups"},
      {{conv, {f32({1, 3, 8, 8}), f32({4, 3, 9, 3})}}, "window spans 9"},
      {{conv, {f32({1, 3, 8, 8}), f32({4, 3, 3, 3}), f32({3})}}, "input 2, the bias"},
      {{conv, {f32({1, 3, 8, 8}), i64({4, 3, 3, 3})}}, "element type"},
      {{Conv{{1}, {1, 1}, {0, 0, 0, 0}, 1}, {f32({1, 3, 8, 8}), f32({4, 3, 3, 3})}}, "strides has 1 entries"},
      {{Conv{{0, 1}, {1, 1}, {0, 0, 0, 0}, 1}, {f32({1, 3, 8, 8}), f32({4, 3, 3, 3})}}, "strides has the entry 0"},
      {{Conv{{1, 1}, {kHuge, 1}, {0, 0, 0, 0}, 1}, {f32({1, 3, 8, 8}), f32({4, 3, 3, 3})}}, "dilations has the entry"},
      {{Conv{{1, 1}, {1, 1}, {0, 0, 0, 0}, 0}, {f32({1, 3, 8, 8}), f32({4, 3, 3, 3})}}, "0 groups"},
      {{Gemm{}, {f32({2, 3}), f32({2, 3})}}, "cannot be multiplied"},
      {{Gemm{}, {f32({2, 3}), f32({3, 4}), f32({3, 4})}}, "do not broadcast"},
      {{MatMul{}, {f32({}), f32({1})}}, "scalar"},
      {{MatMul{}, {f32({2, 3, 4}), f32({3, 4, 5})}}, "do not broadcast"},
      {{BatchNormalization{}, {f32({1, 2, 3}), f32({2}), f32({2}), f32({3}), f32({2})}}, "input 3"},
      {{Unary{UnaryKind::kSigmoid}, {i64({2})}}, "i64"},
      {{Binary{BinaryKind::kAdd}, {f32({2}), f32({3})}}, "do not broadcast"},
      {{Binary{BinaryKind::kAdd}, {f32({2}), i64({2})}}, "element type i64"},
      {{Binary{BinaryKind::kAnd}, {f32({2}), f32({2})}}, "not defined"},
      {{Binary{BinaryKind::kPRelu}, {f32({1, 2}), f32({3, 2})}}, "slope"},
      {{Concat{2}, {f32({1, 2}), f32({1, 2})}}, "axis 2"},
      {{Concat{1}, {f32({1, 2}), f32({2, 2})}}, "only axis 1 may differ"},
      {{Concat{0}, {}}, "no inputs"},
      {{Slice{{0}, {1}, {3}}, {f32({2})}}, "leave axis 0"},
      {{Slice{{0}, {-1}, {2}}, {f32({2})}}, "leave axis 0"},
      {{Slice{{INT64_MAX}, {1}, {1}}, {f32({2})}}, "leave axis 0"},
      {{Reshape{{3}}, {f32({2})}}, "cannot become"},
      {{Reshape{{kHuge, kHuge}}, {f32({2})}}, "too large"},
      {{Transpose{{0, 0}}, {f32({2, 2})}}, "twice"},
      {{Transpose{{0, 2}}, {f32({2, 2})}}, "permutation has the entry 2"},
      {{Pad{PadMode::kConstant, {-2, -1}, 0}, {f32({2})}}, "crops"},
      {{Pad{PadMode::kEdge, {1, 0}, 0}, {f32({0})}}, "cannot be made"},
      {{Pad{PadMode::kConstant, {kHuge, kHuge}, 0}, {f32({2})}}, "pads has the entry"},
      {{Pool{PoolKind::kMax, {2}, {1}, {1}, {2, 0}}, {f32({1, 1, 8})}}, "not smaller than the window"},
      {{Pool{PoolKind::kMax, {2}, {1}, {1}, {0, 0}}, {f32({1, 8})}}, "spatial axes"},
      {{Pool{PoolKind::kMax, {kHuge}, {1}, {1}, {0, 0}}, {f32({1, 1, 8})}}, "kernel has the entry"},
      {{Resize{ResizeMode::kLinear, {}, {}, {4}, {0}}, {f32({2})}}, "positive"},
      {{Resize{ResizeMode::kLinear, {}, {}, {400}, {2}}, {f32({2})}}, "does not make 400"},
      {{Softmax{-1, false}, {f32({2})}}, "axis -1"},
      {{Reduce{ReduceKind::kSum, {1, 0}, true}, {f32({2, 2})}}, "in order"},
      {{Reduce{ReduceKind::kSum, {2}, true}, {f32({2, 2})}}, "axes has the entry 2"},
      {{Gather{0}, {f32({2}), f32({1})}}, "indices are i32 or i64"},
      {{GatherElements{1}, {f32({2}), i64({1})}}, "axis 1"},
      {{GatherElements{0}, {f32({2, 3}), i64({5, 4})}}, "does not fit"},
      {{GatherElements{0}, {f32({2}), f32({2})}}, "indices are i32 or i64"},
      {{GatherND{1}, {f32({2, 3}), i64({3, 1})}}, "batch axes"},
      {{GatherND{0}, {f32({2, 3}), i64({4, 3})}}, "tuples of 3 indices"},
      {{GatherND{0}, {f32({0, 3}), i64({4, 1})}}, "axis without elements"},
      {{ScatterElements{0}, {f32({2}), i64({1}), f32({2})}}, "updates have the shape"},
      {{ScatterND{}, {f32({2, 3}), i64({4, 1}), f32({4})}}, "updates have the shape"},
      {{ScatterND{}, {f32({2, 3}), i64({4, 1}), i64({4, 3})}}, "updates are of i64"},
      {{ArgExtreme{0}, {f32({0, 2})}}, "no elements"},
      {{TopK{0, 3}, {f32({2})}}, "takes 3 of the 2"},
      {{TopK{0, 0}, {f32({2})}}, "takes 0"},
      {{Cumulative{CumulativeKind::kSum, 2}, {f32({2})}}, "axis 2"},
      {{Normalize{0, -1}, {f32({2})}}, "epsilon"},
      {{Normalize{0}, {i64({2})}}, "only floats"},
      {{GridSample{}, {f32({1, 2, 3, 4, 5}), f32({1, 2, 2, 2, 3})}}, "only pictures"},
      {{GridSample{}, {f32({1, 2, 3, 4}), f32({1, 2, 2, 3})}}, "needs [1, height, width, 2]"},
      {{RoiAlign{}, {f32({1, 2, 3}), f32({4, 4}), i64({4})}}, "needs [N, C, height, width]"},
      {{RoiAlign{}, {f32({1, 2, 3, 3}), f32({4, 5}), i64({4})}}, "need [regions, 4]"},
      {{RoiAlign{}, {f32({1, 2, 3, 3}), f32({4, 4}), i64({3})}}, "they are indices"},
      {{RoiAlign{false, true, 0}, {f32({1, 2, 3, 3}), f32({4, 4}), i64({4})}}, "height has the entry 0"},
      {{RoiAlign{false, true, 1, 1, 2000}, {f32({1, 2, 3, 3}), f32({4, 4}), i64({4})}}, "samples has the entry 2000"},
      {{Expand{{3}}, {f32({2})}}, "do not broadcast"},
      {{Expand{{1}}, {f32({2})}}, "does not broadcast"},
      {{Expand{{int64_t{1} << 40}}, {f32({1})}}, "too large"},
      {{Where{}, {f32({2}), f32({2}), f32({2})}}, "condition"},
      {{Convert{DType::kInt8, std::nullopt}, {f32({2})}}, "no scale"},
  };
  for (const auto& [given, message] : cases) {
    const auto types = infer_case(given);
    ASSERT_FALSE(types) << op_name(given.op) << ": " << message;
    EXPECT_NE(types.error().text().find(message), std::string::npos) << types.error().text();
    EXPECT_NE(types.error().text().find(fmt::format("node the node ({})", op_name(given.op))), std::string::npos)
        << types.error().text();
  }
}

TEST(Infer, ConstantIndicesAreChecked) {
  const TensorType data = f32({3}), indices = i64({1});
  const Tensor constant = Tensor::of_int64s(std::vector<int64_t>{3});
  const InferInput inputs[] = {{&data, nullptr}, {&indices, &constant}};
  EXPECT_FALSE(infer(Node{"n", Gather{0}, {}, {}}, inputs));
}

// Whatever the attributes and shapes, inference answers, and what it accepts can be computed into those types.
class RandomCases {
 public:
  explicit RandomCases(unsigned seed) : engine_(seed) {}

  template <class T>
  Case make() {
    T op;
    std::apply([&](const auto&... fields) { (fill(op.*fields.member), ...); }, T::kFields);
    Case made{op, {}};
    for (int64_t i = below(4); i >= 0; --i) made.inputs.push_back(type());
    if (below(2)) made.inputs.resize(1);
    return made;
  }

 private:
  int64_t below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(n)); }
  int64_t integer() { return below(12) ? below(4) : below(2) ? INT64_MAX - below(3) : -below(3); }
  void fill(int64_t& x) { x = below(3) ? below(3) : integer(); }
  void fill(bool& x) { x = below(2); }
  void fill(float& x) { x = static_cast<float>(below(9)) / 2 - 1; }
  void fill(DType& x) { x = static_cast<DType>(below(12)); }
  void fill(std::optional<Affine>& affine) {
    if (below(2)) affine = *Affine::per_tensor(0.1f, 1);
  }
  template <class E>
  requires std::is_enum_v<E>
  void fill(E& x) { x = static_cast<E>(below(2)); }
  template <class T>
  void fill(std::vector<T>& list) {
    list.resize(static_cast<size_t>(below(6)));
    for (T& x : list) fill(x);
  }
  TensorType type() {
    TensorType type{below(3) ? DType::kFloat32 : static_cast<DType>(below(12)), {}, std::nullopt};
    for (int64_t i = below(5); i > 0; --i) type.shape.push_back(below(4));
    return type;
  }

  std::mt19937_64 engine_;
};

template <size_t index = 0>
void try_every_operator(RandomCases& cases, std::set<size_t>& computed) {
  if constexpr (index < std::variant_size_v<Op>) {
    for (int i = 0; i < 2000; ++i) {
      const Case given = cases.make<std::variant_alternative_t<index, Op>>();
      const auto types = infer_case(given);
      if (!types) continue;
      std::vector<Tensor> tensors;
      std::vector<const Tensor*> inputs;
      for (const TensorType& type : given.inputs) tensors.push_back(Tensor::zeros(type.dtype, type.shape));
      for (const Tensor& tensor : tensors) inputs.push_back(&tensor);
      const auto outputs = reference(Node{"n", given.op, {}, {}}, inputs);
      if (!outputs) continue;
      computed.insert(index);
      ASSERT_EQ(outputs->size(), types->size());
      for (size_t k = 0; k < types->size(); ++k) {
        EXPECT_EQ((*outputs)[k].shape(), (*types)[k].shape) << op_name(given.op);
        EXPECT_EQ((*outputs)[k].dtype(), (*types)[k].dtype) << op_name(given.op);
      }
    }
    try_every_operator<index + 1>(cases, computed);
  }
}

TEST(Infer, RandomAttributesNeverCrashAndAgreeWithTheReference) {
  RandomCases cases(1);
  std::set<size_t> computed;
  try_every_operator(cases, computed);
  EXPECT_GE(computed.size(), 10u);
}

TEST(Infer, EveryFamilyHasARow) {
  ASSERT_EQ(op_facets().size(), std::variant_size_v<Op>);
  EXPECT_EQ(facets_of(Resize{}).name, "Resize");
  EXPECT_EQ(facets_of(Convert{}).name, "Convert");
  EXPECT_FALSE(facets_of(Softmax{}).integer_steps);
}

TEST(QuantRules, SayWhatQuantizationMayDo) {
  auto rule = [](Op op) { return quant_rule(Node{"", std::move(op), {}, {}}); };
  EXPECT_EQ(rule(Conv{}).kind, QuantKind::kWeighted);
  EXPECT_EQ(rule(Binary{BinaryKind::kMul}).kind, QuantKind::kArithmetic);
  EXPECT_EQ(rule(Binary{BinaryKind::kDiv}).kind, QuantKind::kFloat);
  EXPECT_EQ(rule(Unary{UnaryKind::kSilu}).kind, QuantKind::kTable);
  EXPECT_EQ(rule(Unary{UnaryKind::kExp}).kind, QuantKind::kFloat);
  EXPECT_EQ(rule(Pool{PoolKind::kMax, {}, {}, {}, {}}).kind, QuantKind::kMove);
  EXPECT_TRUE(rule(Pool{PoolKind::kAverage, {}, {}, {}, {}}).keeps_channels);
  EXPECT_TRUE(rule(Slice{{0, 0, 1}, {1, 1, 1}, {1, 2, 3}}).keeps_channels);
  EXPECT_FALSE(rule(Slice{{0, 1, 0}, {1, 1, 1}, {1, 2, 3}}).keeps_channels);
  EXPECT_TRUE(rule(Pad{PadMode::kConstant, {0, 0, 1, 0, 0, 1}, 0}).keeps_channels);
  EXPECT_FALSE(rule(Concat{1}).keeps_channels);
}

TEST(Verify, ComparesTypesWithWhatOperatorsMake) {
  auto check = [](std::string_view lines) {
    const auto graph = parse(fmt::format("graph \"g\" {{\n  input %x : f32[2x3]\n{}}}\n", lines));
    EXPECT_TRUE(graph) << graph.error().text();
    return verify(*graph);
  };
  EXPECT_TRUE(check("  %y : f32[3x2] = Transpose(%x) {permutation = [1, 0]} @\"t\"\n  output %y\n"));
  EXPECT_TRUE(check("  %y : i8[3x2] affine([], [0.1], [0]) = Transpose(%x) {permutation = [1, 0]} @\"t\"\n"));
  EXPECT_TRUE(check("  output %x\n"));
  EXPECT_FALSE(check("  %y : f32[2x3] = Transpose(%x) {permutation = [1, 0]} @\"t\"\n"));
  EXPECT_FALSE(check("  %y : i64[3x2] = Transpose(%x) {permutation = [1, 0]} @\"t\"\n"));
  EXPECT_FALSE(check("  %y : f32[3x2], %z : f32[1] = Transpose(%x) {permutation = [1, 0]} @\"t\"\n"));
  EXPECT_FALSE(check("  %y : i8[2x3] affine([], [0.1], [0]) = Convert(%x) {to = i8, affine = affine([], [0.2], [0])} @\"c\"\n"));
}

}  // namespace
}  // namespace ht
