// SPDX-License-Identifier: Apache-2.0
// Which bits, methods and forms each layer gets.
#include <gtest/gtest.h>

#include <algorithm>

#include "quantize/roles.h"

namespace ht {
namespace {

ValueId add_floats(Graph& graph, const std::string& name, Shape shape) {
  return graph.add_value({name, {DType::kFloat32, std::move(shape), std::nullopt}, std::nullopt});
}

ValueId add_conv(Graph& graph, const std::string& name, ValueId input, int64_t groups = 1, int64_t kernel = 1) {
  const ValueId weights = graph.add_constant(name + "_weights", Tensor::zeros(DType::kFloat32, {4, 4 / groups, kernel, kernel}));
  const ValueId output = add_floats(graph, name + "_out", {1, 4, 4, 4});
  graph.nodes.push_back({name, Conv{{1, 1}, {1, 1}, Ints(4, kernel / 2), groups}, {input, weights}, {output}});
  return output;
}

// stem, body.0, a depthwise body.1, body.2, head: 16, 16 * kernel^2, 4, 16 * kernel^2 and 16 weights.
Graph five_convolutions(int64_t kernel = 5) {
  Graph graph;
  graph.inputs = {add_floats(graph, "x", {1, 4, 4, 4})};
  ValueId value = add_conv(graph, "stem", graph.inputs[0]);
  value = add_conv(graph, "body.0", value, 1, kernel);
  value = add_conv(graph, "body.1", value, 4);
  value = add_conv(graph, "body.2", value, 1, kernel);
  graph.outputs = {add_conv(graph, "head", value)};
  return graph;
}

std::vector<int> weight_bits(const LayerChoice& all, const std::vector<LayerRule>& rules, std::vector<std::string>& notes, int64_t kernel = 5) {
  const auto choices = choose_layers(five_convolutions(kernel), all, rules, {}, notes);
  std::vector<int> bits;
  for (const LayerChoice& choice : *choices) bits.push_back(choice.weights);
  return bits;
}

TEST(Layers, FourBitsSpareFirstLastAndDepthwise) {
  std::vector<std::string> notes;
  EXPECT_EQ(weight_bits({.weights = 4}, {}, notes), (std::vector<int>{8, 4, 8, 4, 8}));
  ASSERT_EQ(notes.size(), 2u);
  EXPECT_NE(notes[0].find("3 depthwise, first and last"), std::string::npos);
  EXPECT_NE(notes[1].find("4.17 bits on average"), std::string::npos);  // 36 weights of 8 bits, 800 of 4
}

TEST(Layers, NoBitsAreToldOfWeightsThatStayInFloat) {
  std::vector<std::string> notes;
  weight_bits({.weights = 4}, {{.match = "*", .keep_float = true}}, notes);
  for (const std::string& note : notes) EXPECT_EQ(note.find("on average"), std::string::npos) << note;
}

TEST(Layers, FourBitsSpareNoMoreThanAnEighthOfAllWeights) {
  std::vector<std::string> notes;
  EXPECT_EQ(weight_bits({.weights = 4}, {}, notes, 1), (std::vector<int>{4, 4, 8, 4, 4}));
  EXPECT_EQ(weight_bits({.weights = 4}, {}, notes, 3), (std::vector<int>{8, 4, 8, 4, 8}));  // 36 of 324
}

TEST(Layers, GroupsNeedWeightsOfFourBits) {
  std::vector<std::string> notes;
  const Graph graph = five_convolutions();
  EXPECT_FALSE(choose_layers(graph, {.group = 32}, {}, {}, notes));
  EXPECT_FALSE(choose_layers(graph, {.weights = 4}, {{.match = "stem", .weights = 8, .group = 32}}, {}, notes));
  const auto choices = choose_layers(graph, {.weights = 4, .group = 32}, {{.match = "body.2", .group = 128}}, {}, notes);
  ASSERT_TRUE(choices);
  EXPECT_EQ((*choices)[1].group, 32);
  EXPECT_EQ((*choices)[3].group, 128);
}

TEST(Layers, NoneKeepsEightBitsByStructureWhereTheAverageIsFour) {
  std::vector<std::string> notes;
  const auto choices = choose_layers(five_convolutions(), {.weights = 4}, {}, {.average_bits = 4}, notes);
  ASSERT_TRUE(choices);
  EXPECT_TRUE(std::ranges::all_of(*choices, [](const LayerChoice& choice) { return choice.weights == 4; }));
}

TEST(Layers, RulesHaveTheLastWord) {
  std::vector<std::string> notes;
  EXPECT_EQ(weight_bits({.weights = 4}, {{.match = "*", .weights = 4}}, notes), (std::vector<int>{4, 4, 4, 4, 4}));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_NE(notes[0].find("4.00 bits on average"), std::string::npos);
  EXPECT_EQ(weight_bits({}, {{.match = "body.*", .weights = 4}, {.match = "body.?", .weights = 8}, {.match = "stem", .weights = 4}}, notes),
            (std::vector<int>{4, 8, 8, 8, 8}));
}

TEST(Layers, WhatIsKnownToHarmKeepsEightBits) {
  std::vector<std::string> notes;
  const auto choices = choose_layers(five_convolutions(), {.weights = 4}, {{.match = "head", .weights = 4}, {.match = "stem", .weights = 8}},
                                     {.products = WideProducts{"body.1", "head"}}, notes);
  ASSERT_TRUE(choices);
  std::vector<int> bits;
  std::vector<bool> open;
  for (const LayerChoice& choice : *choices) bits.push_back(choice.weights), open.push_back(choice.open_bits);
  EXPECT_EQ(bits, (std::vector<int>{8, 4, 8, 4, 4}));
  EXPECT_EQ(open, (std::vector<bool>{false, true, true, true, false}));
  EXPECT_NE(notes[0].find("1 layers, whose rounding to 4 bits harms"), std::string::npos);
}

TEST(Layers, ARuleThatMatchesNothingIsAnError) {
  std::vector<std::string> notes;
  const auto choices = choose_layers(five_convolutions(), {}, {{.match = "backbone*", .weights = 4}}, {}, notes);
  ASSERT_FALSE(choices);
  EXPECT_EQ(choices.error().code, ErrorCode::kUsage);
  EXPECT_NE(choices.error().message.find("backbone*"), std::string::npos);
}

TEST(Layers, SayWhatComputesInFloat) {
  const Graph graph = five_convolutions();
  QuantizeRequest request;
  request.rules = {{.match = "body.0", .keep_float = true}, {.match = "body.2", .activations = std::optional<int>()}};
  std::vector<std::string> notes;
  const auto roles = find_roles(graph, request, notes);
  ASSERT_TRUE(roles);
  EXPECT_TRUE((*roles)[0].is_integer());
  EXPECT_NE((*roles)[1].float_reason.find("body.0"), std::string::npos);
  EXPECT_FALSE((*roles)[1].weights_only);
  EXPECT_NE((*roles)[3].float_reason.find("only its weights"), std::string::npos);
  EXPECT_TRUE((*roles)[3].weights_only);
}

TEST(Layers, WhatStaysInFloatKeepsItsWeights) {
  Graph graph = five_convolutions();
  for (Value& value : graph.values) {  // as a model of doubles has them
    value.type.dtype = DType::kFloat64;
    if (value.constant) value.constant = Tensor::zeros(DType::kFloat64, value.type.shape);
  }
  QuantizeRequest request;
  request.layers.activations = std::nullopt;
  std::vector<std::string> notes;
  const auto roles = find_roles(graph, request, notes);
  ASSERT_TRUE(roles);
  EXPECT_TRUE(std::ranges::none_of(*roles, &Role::weights_only));
  request.keep_float = {"body.0"};
  const auto kept = find_roles(five_convolutions(), request, notes);
  ASSERT_TRUE(kept);
  EXPECT_TRUE((*kept)[0].weights_only);
  EXPECT_FALSE((*kept)[1].weights_only);
}

TEST(Layers, AValueHasWhatItsReadersNeed) {
  const LayerChoice narrow, wide{.activations = 16, .per_channel = false, .symmetric = true};
  const LayerChoice joint = joint_choice({&narrow, &wide});
  EXPECT_EQ(joint.activations, 16);
  EXPECT_FALSE(joint.per_channel);
  EXPECT_TRUE(joint.symmetric);
  EXPECT_EQ(joint_choice({&narrow}).activations, 8);
}

}  // namespace
}  // namespace ht
