// SPDX-License-Identifier: Apache-2.0
#include "evaluate/structure.h"

#include <gtest/gtest.h>

namespace ht {
namespace {

class Builder {
 public:
  ValueId value(std::string name, Shape shape) {
    return graph.add_value({std::move(name), {DType::kFloat32, std::move(shape), {}}, {}});
  }
  ValueId node(std::string name, Op op, std::vector<ValueId> inputs, Shape shape) {
    const ValueId output = value(name, std::move(shape));
    graph.nodes.push_back({std::move(name), std::move(op), std::move(inputs), {output}});
    return output;
  }
  Graph graph;
};

Unary unary(UnaryKind kind) {
  Unary result;
  result.kind = kind;
  return result;
}

// Boxes, objectness and two classes on one map of 2 x 2 cells, as an exporter writes them: [1, 4, 7].
Graph yolox_graph(bool sigmoid) {
  Builder b;
  const ValueId input = b.value("input", {1, 3, 16, 16});
  b.graph.inputs = {input};
  const ValueId boxes = b.node("boxes", Conv{}, {input}, {1, 4, 2, 2});
  ValueId scores = b.node("scores", Conv{}, {input}, {1, 3, 2, 2});
  if (sigmoid) scores = b.node("sigmoid", unary(UnaryKind::kSigmoid), {scores}, {1, 3, 2, 2});
  Concat concat;
  concat.axis = 1;
  const ValueId both = b.node("both", concat, {boxes, scores}, {1, 7, 2, 2});
  const ValueId flat = b.node("flat", Reshape{{1, 7, 4}}, {both}, {1, 7, 4});
  const ValueId output = b.node("output", Transpose{{0, 2, 1}}, {flat}, {1, 4, 7});
  b.graph.outputs = {output};
  return b.graph;
}

DetectionTask yolox_task() {
  DetectionTask task;
  task.head = "yolox";
  task.class_count = 2;
  task.strides = {8};
  return task;
}

TEST(Structure, FollowsOneElementThroughMoves) {
  const Graph graph = yolox_graph(true);
  const Links links(graph);
  for (int64_t box = 0; box < 4; ++box) {
    EXPECT_EQ(element_source(graph, links, graph.outputs[0], box * 7 + 3)->name, "boxes");
    EXPECT_EQ(element_source(graph, links, graph.outputs[0], box * 7 + 4)->name, "sigmoid");
  }
  EXPECT_EQ(element_source(graph, links, graph.inputs[0], 0), nullptr);
}

TEST(Structure, FollowsSlices) {
  Builder b;
  const ValueId input = b.value("input", {4});
  const ValueId left = b.node("left", unary(UnaryKind::kExp), {input}, {4});
  const ValueId right = b.node("right", unary(UnaryKind::kNeg), {input}, {4});
  const ValueId both = b.node("both", Concat{}, {left, right}, {8});
  Slice slice;
  slice.starts = {6};
  slice.steps = {-3};
  slice.sizes = {3};
  const ValueId output = b.node("output", slice, {both}, {3});
  b.graph.outputs = {output};
  const Links links(b.graph);
  EXPECT_EQ(element_source(b.graph, links, output, 0)->name, "right");
  EXPECT_EQ(element_source(b.graph, links, output, 1)->name, "left");
  EXPECT_EQ(element_source(b.graph, links, output, 2)->name, "left");
}

TEST(Structure, TellsLogitsFromProbabilities) {
  for (bool sigmoid : {false, true}) {
    const auto described = describe_outputs(yolox_graph(sigmoid), yolox_task(), {16, 16});
    const auto& outputs = described.outputs;
    ASSERT_EQ(outputs.size(), 1u);
    EXPECT_EQ(outputs[0].scores, sigmoid ? ScoreForm::kProbability : ScoreForm::kLogit);
    EXPECT_EQ(outputs[0].boxes, BoxForm::kCells);
    const auto config = resolve_head(yolox_task(), {16, 16}, outputs);
    ASSERT_TRUE(config) << config.error().text();
    EXPECT_EQ(config->scores, sigmoid ? ScoreForm::kProbability : ScoreForm::kLogit);
  }
}

TEST(Structure, AHeadThatDoesNotFitLeavesTheOutputsPlain) {
  DetectionTask task = yolox_task();
  task.class_count = 9;
  const auto described = describe_outputs(yolox_graph(true), task, {16, 16});
  const auto& outputs = described.outputs;
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_FALSE(outputs[0].scores);
}

}  // namespace
}  // namespace ht
