// SPDX-License-Identifier: Apache-2.0
// A plan whose copies are elided computes what the same plan with its copies does, in every value.
#include "plan/elide_copies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "ops/ops.h"
#include "ops/prepare.h"
#include "runtime/session.h"

namespace ht {
namespace {

const Affine kAffine = *Affine::per_tensor(0.05f, 3);

class Net {
 public:
  explicit Net(uint64_t seed) : engine_(seed) {}

  int64_t below(int64_t n) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(n)); }
  const Shape& shape(ValueId id) const { return graph.value(id).type.shape; }

  ValueId input(Shape shape) {
    graph.inputs.push_back(add_value({DType::kInt8, std::move(shape), kAffine}));
    return graph.inputs.back();
  }

  ValueId constant(DType dtype, const Shape& shape, std::optional<Affine> affine = std::nullopt) {
    Tensor tensor = Tensor::zeros(dtype, shape);
    for (int8_t& x : tensor.mutable_data<int8_t>()) x = static_cast<int8_t>(below(255) - 127);
    return graph.add_value({next_name(), {dtype, shape, std::move(affine)}, tensor});
  }

  // A node with one output of the inputs' quantization.
  ValueId add(Op op, std::vector<ValueId> inputs) {
    Node node{next_name(), std::move(op), std::move(inputs), {}};
    const auto types = infer(graph, node);
    EXPECT_TRUE(types) << types.error().text();
    node.outputs = {add_value({DType::kInt8, types->front().shape, kAffine})};
    graph.nodes.push_back(node);
    return node.outputs[0];
  }

  ValueId conv(ValueId x, int64_t outputs, int64_t kernel, int64_t groups = 1) {
    const int64_t pad = kernel / 2;
    const ValueId weights = constant(DType::kInt8, {outputs, shape(x)[1] / groups, kernel, kernel}, *Affine::per_tensor(0.01f));
    return add(Conv{{1, 1}, {1, 1}, {pad, pad, pad, pad}, groups}, {x, weights});
  }
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

std::ptrdiff_t copies(const Plan& plan) { return std::ranges::count(plan.steps, KernelId::k_copy, &Step::kernel); }

using Values = std::map<std::string, std::vector<uint8_t>>;

struct Run {
  std::vector<Tensor> outputs;
  Values values;
};

Run run(Plan plan, std::span<const Tensor> inputs, int threads) {
  Session session(Placement::make(std::make_shared<const Plan>(std::move(plan)), Isa::kBest), threads);
  Run result;
  session.set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) { result.values[buffer.name].assign(bytes.begin(), bytes.end()); });
  auto outputs = session.run(inputs);
  EXPECT_TRUE(outputs);
  result.outputs = *std::move(outputs);
  session.set_observer({});
  EXPECT_TRUE(*session.run(inputs) == result.outputs);
  return result;
}

struct Counts {
  std::ptrdiff_t before, after;
};

// Runs the network with its copies and without, and says how many there were.
Counts check(Net& net) {
  const auto plan = make_plan(net.graph);
  if (!plan) return ADD_FAILURE() << plan.error().text(), Counts{};
  Plan elided = *plan;
  elide_copies(elided);
  std::vector<Tensor> inputs;
  for (ValueId id : net.graph.inputs) {
    Tensor tensor = Tensor::zeros(DType::kInt8, net.shape(id));
    for (int8_t& x : tensor.mutable_data<int8_t>()) x = static_cast<int8_t>(net.below(256) - 128);
    inputs.push_back(tensor);
  }
  const Run expected = run(*plan, inputs, 1);
  for (int threads : {1, 2}) {
    const Run found = run(elided, inputs, threads);
    EXPECT_TRUE(found.outputs == expected.outputs);
    for (const auto& [name, bytes] : expected.values) EXPECT_TRUE(found.values.at(name) == bytes) << name;
  }
  return {copies(*plan), copies(elided)};
}

// Layouts of inputs and outputs are the only copies left.
constexpr std::ptrdiff_t kEnds = 2;

TEST(ElideCopies, ConvolutionsWriteIntoTheirConcatenation) {
  Net net(1);
  const ValueId x = net.conv(net.input({1, 3, 6, 5}), 8, 3);
  const ValueId joined = net.add(Concat{1}, {net.conv(x, 5, 1), x, net.depthwise(x, 3), net.add(Pool{PoolKind::kMax, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}}, {x})});
  net.graph.outputs = {net.conv(joined, 7, 1)};
  const Counts counts = check(net);
  EXPECT_EQ(counts.before, kEnds + 4);
  EXPECT_EQ(counts.after, kEnds);
}

TEST(ElideCopies, ConvolutionsReadPartsOfASplit) {
  Net net(2);
  const ValueId x = net.conv(net.input({2, 3, 6, 5}), 12, 3);
  const ValueId left = net.slice(x, 1, 0, 1, 5), right = net.slice(x, 1, 5, 1, 7);
  net.graph.outputs = {net.add(Concat{1}, {net.conv(right, 6, 3), net.depthwise(left, 3)})};
  const Counts counts = check(net);
  EXPECT_EQ(counts.before, kEnds + 4);
  EXPECT_EQ(counts.after, kEnds);
}

TEST(ElideCopies, OneOfTwoConcatenationsIsCopied) {
  Net net(3);
  const ValueId x = net.conv(net.input({1, 3, 4, 4}), 8, 3), y = net.conv(x, 4, 1);
  const ValueId first = net.add(Concat{1}, {x, y}), second = net.add(Concat{1}, {y, y, x});
  net.graph.outputs = {net.conv(first, 3, 1), net.conv(second, 3, 1)};
  const Counts counts = check(net);
  EXPECT_EQ(counts.before - counts.after, 2);
}

TEST(ElideCopies, AnOutputAndAnInputKeepTheirMemory) {
  Net net(4);
  const ValueId x = net.input({1, 3, 4, 4}), y = net.conv(x, 4, 1);
  net.graph.outputs = {y, net.add(Concat{1}, {y, x})};
  check(net);
}

// Any network of operators that move elements between some that compute.
TEST(ElideCopies, AnyNetworkComputesTheSame) {
  Counts all{};
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
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
    const Counts counts = check(net);
    all.before += counts.before;
    all.after += counts.after;
    if (HasFailure()) break;
  }
  EXPECT_LT(all.after, all.before * 3 / 4) << all.before;
}

}  // namespace
}  // namespace ht
