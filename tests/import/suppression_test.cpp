// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "import/onnx/import.h"
#include "onnx_model.h"

namespace ht {
namespace {

void add_index(onnx::ModelProto& model, const std::string& name, int64_t value) {
  auto& tensor = *model.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_dims(1);
  tensor.add_int64_data(value);
}

void set_axis(onnx::NodeProto& node, int64_t axis) { add_attribute(node, "axis", onnx::AttributeProto::INT).set_i(axis); }

// x [6, 4] are boxes, their first columns scores; "chosen" [k] are the places that suppression leaves of them.
onnx::ModelProto model_that_chooses() {
  auto model = empty_model(13);
  add_port(*model.mutable_graph()->add_input(), "x", {6, 4});
  add_index(model, "zero", 0);
  add_index(model, "one", 1);
  add_index(model, "two", 2);
  add_index(model, "many", 100);
  add_floats(model, "overlap", {1}, {0.25f});
  set_axis(add_node(model, "Gather", {"x", "zero"}, {"column"}), 1);
  add_node(model, "Unsqueeze", {"x", "zero"}, {"boxes"});
  add_node(model, "Transpose", {"column"}, {"row"});
  add_node(model, "Unsqueeze", {"row", "zero"}, {"scores"});
  add_node(model, "NonMaxSuppression", {"boxes", "scores", "many", "overlap"}, {"triples"}, "suppress");
  set_axis(add_node(model, "Gather", {"triples", "two"}, {"places"}), 1);
  add_node(model, "Squeeze", {"places", "one"}, {"chosen"});
  return model;
}

void add_output(onnx::ModelProto& model, const std::string& name) { add_port(*model.mutable_graph()->add_output(), name, {-1}); }

TEST(ClosingSuppression, IsLeftOutWhereItChoosesRows) {
  auto model = model_that_chooses();
  add_node(model, "Gather", {"x", "chosen"}, {"kept"});
  add_output(model, "kept");
  const auto graph = import_onnx_bytes(bytes_of(model));
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->value(graph->outputs[0]).type.shape, (Shape{6, 4}));
  EXPECT_EQ(graph->metadata.at(kSuppressionKey), "0.25");
}

TEST(ClosingSuppression, IsLeftOutBehindIndicesOfRows) {
  auto model = model_that_chooses();
  add_node(model, "Unsqueeze", {"chosen", "one"}, {"tuples"});
  add_node(model, "GatherND", {"x", "tuples"}, {"kept"});
  add_output(model, "kept");
  const auto graph = import_onnx_bytes(bytes_of(model));
  ASSERT_TRUE(graph) << graph.error().text();
  EXPECT_EQ(graph->value(graph->outputs[0]).type.shape, (Shape{6, 4}));
}

std::vector<std::string> outputs_of(const onnx::ModelProto& model) {
  const auto graph = import_onnx_bytes(bytes_of(model));
  if (!graph) return {graph.error().text()};
  std::vector<std::string> names;
  for (ValueId id : graph->outputs) names.push_back(graph->value(id).name);
  EXPECT_EQ(graph->metadata.at(kSuppressionKey), "0.25");
  return names;
}

const std::vector<std::string> kBoth = {"boxes", "scores"};

TEST(ClosingSuppression, EndsInWhatItReadsWhereTheChoiceItselfIsAnOutput) {
  auto model = model_that_chooses();
  add_node(model, "Gather", {"x", "chosen"}, {"kept"});
  add_output(model, "kept");
  add_output(model, "triples");
  EXPECT_EQ(outputs_of(model), kBoth);
}

TEST(ClosingSuppression, EndsInWhatItReadsWhereColumnsAreChosen) {
  auto model = model_that_chooses();
  set_axis(add_node(model, "Gather", {"x", "chosen"}, {"kept"}), 1);
  add_output(model, "kept");
  EXPECT_EQ(outputs_of(model), kBoth);
}

TEST(ClosingSuppression, EndsInWhatItReadsWhereTheChoiceIsComputedWith) {
  auto model = model_that_chooses();
  add_node(model, "Add", {"chosen", "one"}, {"next"});
  add_node(model, "Gather", {"x", "next"}, {"kept"});
  add_output(model, "kept");
  EXPECT_EQ(outputs_of(model), kBoth);
}

TEST(ClosingSuppression, EndsInWhatItReadsWhereTheBestAreTakenOfTheRows) {
  auto model = model_that_chooses();
  add_node(model, "Gather", {"x", "chosen"}, {"rows"});
  add_node(model, "Slice", {"rows", "zero", "two"}, {"kept"});
  add_output(model, "kept");
  EXPECT_EQ(outputs_of(model), kBoth);
}

TEST(ClosingSuppression, KeepsOutputsThatAreThereAlready) {
  auto model = model_that_chooses();
  add_output(model, "scores");
  add_output(model, "triples");
  add_output(model, "boxes");
  EXPECT_EQ(outputs_of(model), (std::vector<std::string>{"scores", "boxes"}));
}

TEST(ClosingSuppression, IsRefusedWhereOneClassIsChosenAndLabelsArePicked) {
  auto model = model_that_chooses();
  set_axis(add_node(model, "ArgMax", {"x"}, {"labels"}), 1);
  add_node(model, "Gather", {"labels", "chosen"}, {"names"});
  add_node(model, "Slice", {"names", "zero", "two"}, {"kept"});
  add_output(model, "kept");
  EXPECT_NE(outputs_of(model).at(0).find("'suppress' (NonMaxSuppression): chooses as many boxes"), std::string::npos);
}

TEST(ClosingSuppression, IsRefusedWhereTheOverlapIsComputed) {
  auto model = model_that_chooses();
  model.mutable_graph()->mutable_node(4)->set_input(3, "slack");
  add_node(model, "ReduceMax", {"x"}, {"slack"});
  add_node(model, "Gather", {"x", "chosen"}, {"kept"});
  add_output(model, "kept");
  EXPECT_NE(outputs_of(model).at(0).find("overlap ('slack') depend on the network's input"), std::string::npos);
}

}  // namespace
}  // namespace ht
