// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "evaluate.h"
#include "ops/ops.h"
#include "passes/passes.h"

namespace ht {
namespace {

// Appends the operator behind the value and returns what it makes.
ValueId append(Graph& graph, Op op, std::vector<ValueId> inputs) {
  Node node{fmt::format("n{}", graph.nodes.size()), std::move(op), std::move(inputs), {}};
  auto types = infer(graph, node);
  if (!types) {
    ADD_FAILURE() << types.error().text();
    return {};
  }
  const ValueId id = graph.add_value({fmt::format("v{}", graph.values.size()), (*types)[0], {}});
  node.outputs = {id};
  graph.nodes.push_back(std::move(node));
  return id;
}

Graph start(Shape shape) {
  Graph graph;
  graph.inputs = {graph.add_value({"x", {DType::kFloat32, std::move(shape), {}}, {}})};
  return graph;
}

// A Relu, so that outputs are neither inputs nor movements.
void finish(Graph& graph, ValueId id) { graph.outputs.push_back(append(graph, Unary{UnaryKind::kRelu, 0, 0}, {id})); }

ValueId append_slice(Graph& graph, ValueId id, Ints starts, Ints steps, Ints sizes) {
  return append(graph, Slice{std::move(starts), std::move(steps), std::move(sizes)}, {id});
}

TEST(MovementCleanup, ChannelShuffleIsAGather) {
  Graph graph = start({1, 6, 4, 4});
  ValueId id = append(graph, Reshape{{1, 2, 3, 4, 4}}, {graph.inputs[0]});
  id = append(graph, Transpose{{0, 2, 1, 3, 4}}, {id});
  finish(graph, append(graph, Reshape{{1, 6, 4, 4}}, {id}));
  const Graph after = expect_kept(graph, movement_cleanup);
  ASSERT_EQ(after.nodes.size(), 2u);
  const Node& gather = after.nodes[0];
  ASSERT_TRUE(std::holds_alternative<Gather>(gather.op));
  EXPECT_EQ(std::get<Gather>(gather.op).axis, 1);
  EXPECT_EQ(after.value(gather.inputs[1]).constant->to_int64s(), (std::vector<int64_t>{0, 3, 1, 4, 2, 5}));
}

TEST(MovementCleanup, AShuffleThatIsSplitBecomesTwoSlices) {
  Graph graph = start({1, 8, 3, 3});
  ValueId id = append(graph, Reshape{{4, 2, 9}}, {graph.inputs[0]});
  id = append(graph, Transpose{{1, 0, 2}}, {id});
  id = append(graph, Reshape{{2, 1, 4, 3, 3}}, {id});
  for (int64_t half : {0, 1}) {
    const ValueId index = graph.add_constant(fmt::format("i{}", half), Tensor::of_int64s(std::vector{half}).reshaped({}));
    finish(graph, append(graph, Gather{0}, {id, index}));
  }
  const Graph after = expect_kept(graph, movement_cleanup);
  EXPECT_EQ(count_nodes(after, "Slice"), 2);
  EXPECT_EQ(after.nodes.size(), 4u);
  EXPECT_EQ(std::get<Slice>(after.nodes[0].op).steps, (Ints{1, 2, 1, 1}));
}

TEST(MovementCleanup, SlicesOfAGatherReadItsSource) {
  Graph graph = start({1, 4, 2});
  const ValueId indices = graph.add_constant("i", Tensor::of_int64s(std::vector<int64_t>{2, 0, 3, 3, -3}));
  const ValueId gathered = append(graph, Gather{1}, {graph.inputs[0], indices});
  finish(graph, append_slice(graph, gathered, {0, 0, 0}, {1, 1, 1}, {1, 3, 2}));
  finish(graph, append_slice(graph, gathered, {0, 3, 0}, {1, 1, 1}, {1, 2, 2}));
  const Graph after = expect_kept(graph, movement_cleanup);
  EXPECT_EQ(count_nodes(after, "Gather"), 1);
  EXPECT_EQ(count_nodes(after, "Slice"), 1);
  EXPECT_EQ(after.nodes.size(), 4u);
}

TEST(MovementCleanup, TransposesCancelAndMerge) {
  Graph graph = start({2, 3, 4, 5});
  const ValueId nhwc = append(graph, Transpose{{0, 2, 3, 1}}, {graph.inputs[0]});
  finish(graph, append(graph, Transpose{{0, 3, 1, 2}}, {nhwc}));
  finish(graph, append(graph, Transpose{{3, 2, 1, 0}}, {nhwc}));
  const Graph after = expect_kept(graph, movement_cleanup);
  EXPECT_EQ(after.nodes.size(), 3u);
  EXPECT_EQ(count_nodes(after, "Transpose"), 1);
}

TEST(MovementCleanup, SlicesOfSlicesMerge) {
  Graph graph = start({1, 3, 9, 9});
  ValueId id = append_slice(graph, graph.inputs[0], {0, 0, 1, 0}, {1, 1, 2, 1}, {1, 3, 4, 9});
  id = append_slice(graph, id, {0, 2, 3, 8}, {1, -1, -1, -2}, {1, 3, 4, 4});
  finish(graph, id);
  const Graph after = expect_kept(graph, movement_cleanup);
  EXPECT_EQ(after.nodes.size(), 2u);
}

TEST(MovementCleanup, RemovesWhatChangesNothingButKeepsOutputNames) {
  Graph graph = start({1, 4, 4, 4});
  ValueId id = append(graph, Unary{UnaryKind::kTanh, 0, 0}, {graph.inputs[0]});
  id = append(graph, Concat{1}, {id});
  id = append(graph, Expand{{1, 4, 4, 4}}, {id});
  id = append(graph, Cast{DType::kFloat32}, {id});
  id = append(graph, Pad{PadMode::kConstant, Ints(8, 0), 0}, {id});
  id = append_slice(graph, id, {0, 0, 0, 0}, {1, 1, 1, 1}, {1, 4, 4, 4});
  graph.outputs.push_back(append(graph, Reshape{{1, 4, 4, 4}}, {id}));
  const Graph after = expect_kept(graph, movement_cleanup);
  EXPECT_EQ(after.nodes.size(), 1u);
}

TEST(MovementCleanup, KeepsAnOutputThatIsAnInput) {
  Graph graph = start({2, 2});
  graph.outputs = {append(graph, Reshape{{2, 2}}, graph.inputs), graph.inputs[0]};
  expect_unchanged(graph, movement_cleanup);
}

TEST(MovementCleanup, KeepsConversionsBetweenScales) {
  const Graph graph = graph_of(R"(graph "g" {
  input %x : f32[1x2x2]
  %q : i8[1x2x2] affine([], [0.1], [0]) = Transpose(%x) {permutation = [0, 2, 1]} @"a"
  %y : f32[1x2x2] = Transpose(%q) {permutation = [0, 2, 1]} @"b"
  output %y
})");
  expect_unchanged(graph, movement_cleanup);
}

// Any chain of movements keeps its meaning.
TEST(MovementCleanup, RandomChainsKeepTheirMeaning) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 engine(seed);
    auto below = [&](int64_t n) { return static_cast<int64_t>(engine() % static_cast<uint64_t>(n)); };
    Graph graph = start({2, 3, 4, 2});
    std::vector<ValueId> made = graph.inputs;
    for (int i = 0; i < 6; ++i) {
      const ValueId from = below(4) ? made.back() : made[static_cast<size_t>(below(static_cast<int64_t>(made.size())))];
      const Shape shape = graph.value(from).type.shape;
      const auto rank = static_cast<int64_t>(shape.size());
      if (const int64_t choice = below(4); choice == 0) {
        Shape wanted = shape;
        const auto axis = static_cast<size_t>(below(rank));
        if (wanted[axis] % 2 == 0 && rank < 6) {
          wanted[axis] /= 2;
          wanted.insert(wanted.begin() + static_cast<int64_t>(axis), 2);
        } else {
          wanted = {element_count(shape), 1};
        }
        made.push_back(append(graph, Reshape{wanted}, {from}));
      } else if (choice == 1) {
        Ints permutation(shape.size());
        std::iota(permutation.begin(), permutation.end(), 0);
        std::shuffle(permutation.begin(), permutation.end(), engine);
        made.push_back(append(graph, Transpose{permutation}, {from}));
      } else if (choice == 2) {
        Slice slice;
        for (int64_t size : shape) {
          const bool backwards = below(3) == 0;
          const int64_t step = 1 + below(2), count = 1 + below((size + step - 1) / step);
          slice.starts.push_back(backwards ? (count - 1) * step : below(size - (count - 1) * step));
          slice.steps.push_back(backwards ? -step : step);
          slice.sizes.push_back(count);
        }
        made.push_back(append(graph, slice, {from}));
      } else {
        const int64_t axis = below(rank), size = shape[static_cast<size_t>(axis)];
        Ints indices(static_cast<size_t>(1 + below(4)));
        for (int64_t& index : indices) index = below(2 * size) - size;
        const ValueId constant = graph.add_constant(fmt::format("i{}", i), Tensor::of_int64s(indices));
        made.push_back(append(graph, Gather{axis}, {from, constant}));
      }
    }
    finish(graph, made.back());
    finish(graph, made[made.size() / 2]);
    Graph after = graph;
    const auto changed = movement_cleanup(after);
    ASSERT_TRUE(changed) << "seed " << seed;
    if (*changed)
      expect_kept(graph, movement_cleanup);
    else
      EXPECT_EQ(after, graph);
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace ht
