// SPDX-License-Identifier: Apache-2.0
// What gets a scale a channel and what stays in float.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "quantize/balance.h"
#include "quantize/roles.h"
#include "quantize/spare.h"
#include "quantize/unclipped.h"
#include "quantize/weights.h"
#include "quantize/wide.h"

namespace ht {
namespace {

ValueId add_floats(Graph& graph, const std::string& name, Shape shape) { return graph.add_value({name, {DType::kFloat32, std::move(shape), std::nullopt}, std::nullopt}); }

// Appends a 1x1 convolution on 4x4 pixels.
ValueId add_conv(Graph& graph, const std::string& name, ValueId input, int64_t outputs, std::vector<float> weights = {}) {
  const int64_t inputs = graph.value(input).type.shape[1];
  if (weights.empty()) weights.assign(static_cast<size_t>(outputs * inputs), 0.5f);
  const ValueId constant = graph.add_constant(name + "_weights", Tensor::of_floats({outputs, inputs, 1, 1}, weights));
  const ValueId output = add_floats(graph, name + "_out", {1, outputs, 4, 4});
  graph.nodes.push_back({name, Conv{{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, {input, constant}, {output}});
  return output;
}

ValueId add_silu(Graph& graph, const std::string& name, ValueId input) {
  const ValueId output = add_floats(graph, name + "_out", graph.value(input).type.shape);
  graph.nodes.push_back({name, Unary{UnaryKind::kSilu, 0, 0}, {input}, {output}});
  return output;
}

// The error power of the product of random inputs with the channels' spreads, its inputs rounded to the steps and its scaled weights to 8 bits.
double simulated_error(const std::vector<float>& weights, size_t outputs, const std::vector<double>& spreads, const std::vector<double>& steps) {
  const size_t channels = spreads.size();
  std::vector<float> scales(steps.begin(), steps.end());
  WeightRequest request{WeightScale::kMax};
  request.input_scales = scales;
  const auto quantized = quantize_weights(weights, {static_cast<int64_t>(outputs), static_cast<int64_t>(channels), 1, 1}, request);
  std::mt19937 random(5);
  std::uniform_real_distribution<double> uniform(-1, 1);
  double error = 0;
  std::vector<double> power(outputs), noise(outputs);
  for (int n = 0; n < 2000; ++n) {
    std::vector<double> x;
    for (double spread : spreads) x.push_back(uniform(random) * spread);
    for (size_t o = 0; o < outputs; ++o) {
      double exact = 0, found = 0;
      for (size_t c = 0; c < channels; ++c) {
        exact += weights[o * channels + c] * x[c];
        found += quantized->values[o * channels + c] * std::nearbyint(x[c] / steps[c]);
      }
      power[o] += exact * exact;
      noise[o] += std::pow(found * quantized->scales[o] - exact, 2);
    }
  }
  for (size_t o = 0; o < outputs; ++o) error += noise[o] / power[o];
  return error;
}

TEST(BalanceSteps, BeatsOneStepAndTheFinestSteps) {
  constexpr size_t kChannels = 16, kOutputs = 8;
  std::mt19937 random(7);
  std::lognormal_distribution<double> spread(0, 1.5);
  std::normal_distribution<float> normal;
  std::lognormal_distribution<float> strength(0, 2);
  for (int trial = 0; trial < 5; ++trial) {
    std::vector<double> spreads, least;
    std::vector<float> strengths, weights;
    for (size_t c = 0; c < kChannels; ++c) {
      spreads.push_back(spread(random));
      least.push_back(2 * spreads.back() / 255);
      strengths.push_back(strength(random));
    }
    for (size_t i = 0; i < kChannels * kOutputs; ++i) weights.push_back(normal(random) * strengths[i % kChannels]);
    Graph graph;
    const ValueId input = add_floats(graph, "x", {1, kChannels, 4, 4});
    add_conv(graph, "conv", input, kOutputs, weights);
    AbsorbingReader reader{&graph.nodes[0], {}, {}, {}};
    for (size_t c = 0; c < kChannels; ++c) {
      reader.classes.push_back(c);
      reader.energies.push_back(spreads[c] * spreads[c] / 3);
    }
    for (size_t o = 0; o < kOutputs; ++o) {
      double power = 0;
      for (size_t c = 0; c < kChannels; ++c) power += std::pow(weights[o * kChannels + c], 2) * reader.energies[c];
      reader.powers.push_back(power);
    }
    const double one_step = 2 * *std::ranges::max_element(spreads) / 255;
    const BalancedSteps balanced = balance_steps(graph, {reader}, least, one_step);
    const double ours = simulated_error(weights, kOutputs, spreads, balanced.steps);
    const double one = simulated_error(weights, kOutputs, spreads, std::vector<double>(kChannels, one_step));
    EXPECT_LT(ours, 1.05 * simulated_error(weights, kOutputs, spreads, least)) << trial;
    EXPECT_LT(ours, one) << trial;
    EXPECT_EQ(balanced.least_gain, balanced.greatest_gain);
    EXPECT_NEAR(std::log(balanced.least_gain), std::log(one / ours), std::log(2.0)) << trial;
    for (size_t c = 0; c < kChannels; ++c) EXPECT_GE(balanced.steps[c], least[c]);
  }
}

TEST(BalanceSteps, DepthwiseWeightsCostNothing) {
  Graph graph;
  const ValueId input = add_floats(graph, "x", {1, 2, 4, 4});
  const ValueId weights = graph.add_constant("w", Tensor::of_floats({2, 1, 1, 1}, std::vector<float>{1, 100}));
  const ValueId output = add_floats(graph, "y", {1, 2, 4, 4});
  graph.nodes.push_back({"depthwise", Conv{{1, 1}, {1, 1}, {0, 0, 0, 0}, 2}, {input, weights}, {output}});
  const BalancedSteps balanced = balance_steps(graph, {{&graph.nodes[0], {0, 1}, {1, 1e-4}, {1, 1}}}, {0.01, 1e-4}, 0.01);
  EXPECT_EQ(balanced.steps, (std::vector<double>{0.01, 1e-4}));
  EXPECT_GT(balanced.greatest_gain, 1);
}

TEST(Roles, AnActivationBehindAFloatProductIsFloatToo) {
  Graph graph;
  graph.inputs = {add_floats(graph, "x", {1, 2, 4, 4})};
  const ValueId middle = add_silu(graph, "silu", add_conv(graph, "first", graph.inputs[0], 2));
  graph.outputs = {add_conv(graph, "last", middle, 3)};
  QuantizeRequest request;
  request.keep_float = {"first"};
  std::vector<std::string> notes;
  const auto roles = find_roles(graph, request, notes);
  ASSERT_TRUE(roles);
  EXPECT_FALSE((*roles)[0].is_integer());
  EXPECT_NE((*roles)[1].float_reason.find("first"), std::string::npos);
  EXPECT_TRUE((*roles)[2].is_integer());
}

TEST(Roles, WhatMovesForFloatReadersMovesFloats) {
  Graph graph;
  graph.inputs = {add_floats(graph, "x", {1, 2, 4, 4})};
  const ValueId made = add_conv(graph, "first", graph.inputs[0], 2), pooled = add_floats(graph, "pooled", {1, 2, 4, 4});
  graph.nodes.push_back({"pool", Pool{PoolKind::kMax, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, false, false, false}, {made}, {pooled}});
  graph.outputs = {add_conv(graph, "second", pooled, 3), add_conv(graph, "third", pooled, 3)};
  QuantizeRequest request;
  request.spared = {{"second", "Conv", "it was spared"}};
  std::vector<std::string> notes;
  auto roles = find_roles(graph, request, notes);
  ASSERT_TRUE(roles);
  EXPECT_EQ((*roles)[2].float_reason, "it was spared");
  EXPECT_TRUE((*roles)[1].is_integer());
  request.spared.push_back({"third", "Conv", "it was spared"});
  roles = find_roles(graph, request, notes);
  EXPECT_FALSE((*roles)[1].is_integer());
}

// Four convolutions in a row, of 4, 16, 16 and 4 multiplications a pixel, all of whose inputs but the first are quantized.
struct Chain {
  Chain() {
    graph.inputs = {add_floats(graph, "x", {1, 2, 4, 4})};
    ValueId value = graph.inputs[0];
    for (const auto& [name, outputs] : std::vector<std::pair<std::string, int64_t>>{{"a", 2}, {"b", 8}, {"c", 2}, {"d", 2}}) value = add_conv(graph, name, value, outputs);
    graph.outputs = {value};
    quantized.graph = graph;
    for (const char* name : {"a_out", "b_out", "c_out"})
      for (Value& quantized_value : quantized.graph.values)
        if (quantized_value.name == name) quantized_value.type = {DType::kInt8, quantized_value.type.shape, *Affine::per_tensor(0.1f, 0)};
  }
  Graph graph;
  QuantizedGraph quantized;
};

TEST(SparedNodes, AreThoseThatWinMostForTheirSize) {
  const Chain chain;
  const auto measure = [](std::span<const Trial> trials, std::span<const std::string> heads) -> Result<std::vector<double>> {
    EXPECT_EQ(heads.size(), 1u);
    EXPECT_EQ(heads[0], "d_out");
    std::vector<double> errors;
    for (const Trial& trial : trials) {
      const std::string& value = trial.front().layer->grids.begin()->first;
      errors.push_back(value == "b_out" ? 0.8 : value == "c_out" ? 0.75 : 0.01);
    }
    return errors;
  };
  // An output counts as 32 multiplications. c reads b_out: 80 of 488; d reads c_out: 68 of 488.
  const auto few = find_spared_nodes(chain.graph, chain.quantized, 0.15, measure);
  ASSERT_TRUE(few);
  ASSERT_EQ(few->size(), 1u);
  EXPECT_EQ((*few)[0].name, "d");
  const auto most = find_spared_nodes(chain.graph, chain.quantized, 0.5, measure);
  ASSERT_EQ(most->size(), 2u);
  EXPECT_NE((*most)[1].reason.find("b_out"), std::string::npos);
  // What harms little stays in integers even where there is room.
  EXPECT_EQ(find_spared_nodes(chain.graph, chain.quantized, 1, measure)->size(), 2u);
}

// Of every value of the graph: normal numbers, and one element of 40 deviations, which least error clips.
Statistics with_outliers(const Graph& graph) {
  Statistics statistics;
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (const Value& value : graph.values) {
    if (value.constant) continue;
    ValueStatistics& own = statistics.values.emplace(value.name, ValueStatistics(value.type.shape[1])).first->second;
    std::vector<float> data(static_cast<size_t>(element_count(value.type.shape)));
    for (int image = 0; image < 4000; ++image) {
      for (float& x : data) x = normal(random);
      if (image == 7) data[3] = 40;
      own.observe(data);
    }
  }
  return statistics;
}

// What is found where so much of the error of the whole network is left.
std::set<std::string> unclipped_of(double left_together) {
  const Chain chain;
  const Statistics statistics = with_outliers(chain.graph);
  QuantizeRequest request;
  request.layers.per_channel = false;
  const auto made = quantize_graph(chain.graph, statistics, request);
  EXPECT_TRUE(made) << made.error().text();
  const auto scale_of = [](const Graph& graph, const std::string& name) { return std::ranges::find(graph.values, name, &Value::name)->type.affine->scales()[0]; };
  const float least = 40.0f / 255, greatest = 46.0f / 255;  // steps of ranges that hold all: 40 and what is seen below 0
  const std::map<std::string, double> gains = {{"a_out", 0.7}, {"b_out", 0.9}, {"c_out", 0.1}};
  const auto measure = [&](std::span<const Trial> trials, std::span<const std::string> heads) -> Result<std::vector<double>> {
    EXPECT_EQ(heads[0], "d_out");
    if (trials.size() == 2) return std::vector{1.0, left_together};
    EXPECT_EQ(trials.size(), 6u);
    std::vector<double> errors;
    for (const Trial& trial : trials) {
      // The value, and the weights of the one product that reads it.
      EXPECT_EQ(trial.size(), 2u);
      EXPECT_TRUE(trial.back().weights && !trial.back().inputs);
      EXPECT_EQ(trial.back().layer->grids.begin()->first, trial.front().layer->grids.begin()->first);
      const auto& [value, type] = *trial.front().layer->grids.begin();
      const float scale = type.affine->scales()[0];
      const bool is_whole = scale > least && scale < greatest;
      EXPECT_TRUE(is_whole || scale < 0.9f * least) << scale;
      errors.push_back(is_whole ? gains.at(value) : 1.0);
    }
    return errors;
  };
  const auto found = find_unclipped_values(chain.graph, statistics, request, *made, measure);
  EXPECT_TRUE(found);
  request.unclipped = {"a_out"};
  const auto refined = quantize_graph(chain.graph, statistics, request);
  EXPECT_GT(scale_of(refined->graph, "a_out"), least);
  EXPECT_EQ(scale_of(refined->graph, "b_out"), scale_of(made->graph, "b_out"));
  return *found;
}

TEST(UnclippedValues, AreThoseWhoseRoundingHarmsClearlyLessThen) {
  EXPECT_EQ(unclipped_of(0.6), (std::set<std::string>{"a_out", "c_out"}));
  EXPECT_EQ(unclipped_of(0.9), std::set<std::string>()) << "together they win too little";
}

// Boxes as they are and scores through a sigmoid, of one product.
TEST(JudgedValues, AreHeadsAndWhatSigmoidsMakeOfThem) {
  Graph graph;
  graph.inputs = {add_floats(graph, "x", {1, 2, 4, 4})};
  const ValueId early = add_conv(graph, "early", graph.inputs[0], 2), gate = add_floats(graph, "gate", {1, 2, 4, 4});
  graph.nodes.push_back({"gate", Unary{UnaryKind::kSigmoid, 0, 0}, {early}, {gate}});
  const ValueId head = add_conv(graph, "head", gate, 2), scores = add_floats(graph, "scores", {1, 2, 4, 4});
  graph.nodes.push_back({"scores", Unary{UnaryKind::kSigmoid, 0, 0}, {head}, {scores}});
  graph.outputs = {head, scores};
  EXPECT_EQ(judged_values(graph), (std::vector<std::string>{"head_out", "scores"}));
}

// p, q, r, s, t, u and v in a row, of 4, 16, 64, 64, 64, 16 and 4 weights: 29 of 232 may have 8 bits.
WideProducts widest(const std::vector<LayerRule>& rules, WideWeights wide = {}) {
  Graph graph;
  graph.inputs = {add_floats(graph, "x", {1, 2, 4, 4})};
  ValueId value = graph.inputs[0];
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (const auto& [name, outputs] : std::vector<std::pair<std::string, int64_t>>{{"p", 2}, {"q", 8}, {"r", 8}, {"s", 8}, {"t", 8}, {"u", 2}, {"v", 2}}) {
    std::vector<float> weights(static_cast<size_t>(outputs * graph.value(value).type.shape[1]));
    for (float& weight : weights) weight = normal(random);
    value = add_conv(graph, name, value, outputs, weights);
  }
  graph.outputs = {value};
  QuantizeRequest request;
  request.layers.weights = 4;
  request.layers.activations = std::nullopt;
  request.rules = rules;
  request.wide = wide;
  const std::map<std::string, double> harm = {{"p", 0.001}, {"q", 1}, {"r", 50}, {"s", 2}, {"t", 2}, {"u", 1.1}, {"v", 0.4}};
  const auto measure = [&](std::span<const Trial> trials, std::span<const std::string> heads) -> Result<std::vector<double>> {
    EXPECT_EQ(heads[0], "v_out");
    std::vector<double> errors;
    for (const Trial& trial : trials) {
      EXPECT_TRUE(trial.size() == 1 && trial.front().weights && !trial.front().inputs);
      errors.push_back(harm.at(trial.front().layer->node));
    }
    return errors;
  };
  const auto found = find_wide_products(graph, {}, request, measure);
  EXPECT_TRUE(found);
  return *found;
}

TEST(WideProducts, AreThoseThatHarmMostForTheirSizeAsLongAsThereIsRoom) {
  EXPECT_EQ(widest({}), (WideProducts{"p", "u", "v"}));  // 4 + 16 + 4; q is behind u and v, r alone too large
  EXPECT_EQ(widest({{.match = "u", .weights = 4}}), (WideProducts{"p", "q", "v"}));
  EXPECT_EQ(widest({{.match = "u", .keep_float = true}}), (WideProducts{"p", "q", "v"}));  // and 27 of 216
  EXPECT_EQ(widest({{.match = "q", .weights = 8}}), (WideProducts{"p", "v"}));             // which leaves room for 13 more
  EXPECT_EQ(widest({{.match = "r", .weights = 8}}), WideProducts());
  EXPECT_EQ(widest({}, {.average_bits = 4}), WideProducts());
  EXPECT_EQ(widest({}, {.average_bits = 5}), (WideProducts{"p", "q", "u", "v"}));  // 4 + 16 + 16 + 4 of 58: r is too large
  EXPECT_EQ(widest({}, {.average_bits = 5.5}), (WideProducts{"r", "u", "v"}));  // 64 + 4 + 16 of 87
}

TEST(SparedNodes, AConvolutionWhoseOutputIsRoundedBeforeItsActivation) {
  Graph graph;
  graph.inputs = {add_floats(graph, "x", {1, 2, 4, 4})};
  const ValueId a = add_conv(graph, "a", graph.inputs[0], 2);
  graph.outputs = {add_conv(graph, "b", add_silu(graph, "silu", a), 2)};
  QuantizedGraph quantized;
  quantized.graph = graph;
  for (Value& value : quantized.graph.values)
    if (value.name == "a_out" || value.name == "silu_out") value.type = {DType::kUint8, value.type.shape, *Affine::per_tensor(0.1f, 0)};
  const auto measure = [](std::span<const Trial> trials, std::span<const std::string>) -> Result<std::vector<double>> {
    std::vector<double> errors;
    for (const Trial& trial : trials) errors.push_back(trial.front().layer->grids.contains("a_out") ? 0.9 : 0.1);
    return errors;
  };
  const auto spared = find_spared_nodes(graph, quantized, 0.5, measure);
  ASSERT_TRUE(spared);
  ASSERT_EQ(spared->size(), 1u);
  EXPECT_EQ((*spared)[0].name, "a");
  EXPECT_NE((*spared)[0].reason.find("output a_out"), std::string::npos);
}

TEST(SparedNodes, WhatWasKeptInFloatForItsChannelsStaysThere) {
  Chain chain;
  chain.quantized.float_nodes = {{"a", "Conv", "its channels are too different"}};
  const auto measure = [](std::span<const Trial> trials, std::span<const std::string>) -> Result<std::vector<double>> {
    std::vector<double> errors;
    for (const Trial& trial : trials) errors.push_back(trial.front().layer->grids.contains("c_out") ? 0.9 : 0.001);
    return errors;
  };
  const auto spared = find_spared_nodes(chain.graph, chain.quantized, 0.15, measure);
  ASSERT_TRUE(spared);
  ASSERT_EQ(spared->size(), 2u);
  EXPECT_EQ((*spared)[0].name, "d");
  EXPECT_EQ((*spared)[1].name, "a");
  EXPECT_EQ((*spared)[1].reason, "its channels are too different");
}

TEST(SparedNodes, NoneWithoutRoomAndNothingIsMeasured) {
  const Chain chain;
  const auto measure = [](std::span<const Trial>, std::span<const std::string>) -> Result<std::vector<double>> {
    ADD_FAILURE() << "measured";
    return std::vector<double>();
  };
  EXPECT_TRUE(find_spared_nodes(chain.graph, chain.quantized, 0.01, measure)->empty());
}

TEST(SparedNodes, NoneWhereRoundingMakesNoError) {
  const Chain chain;
  const auto measure = [](std::span<const Trial> trials, std::span<const std::string>) -> Result<std::vector<double>> { return std::vector<double>(trials.size(), 0.0); };
  EXPECT_TRUE(find_spared_nodes(chain.graph, chain.quantized, 0.9, measure)->empty());
}

}  // namespace
}  // namespace ht
