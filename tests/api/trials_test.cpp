// SPDX-License-Identifier: Apache-2.0
// Layers in integers alone: what becomes of the graph, and errors of heads against sums in double.
#include "api/trials.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "api/measurements.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kPixels = 4;

ValueId add_floats(Graph& graph, const std::string& name, int64_t channels) {
  return graph.add_value({name, {DType::kFloat32, {1, channels, 1, kPixels}, std::nullopt}, std::nullopt});
}

ValueId add_conv(Graph& graph, const std::string& name, ValueId input, std::vector<float> weights) {
  const int64_t inputs = graph.value(input).type.shape[1], outputs = static_cast<int64_t>(weights.size()) / inputs;
  const ValueId constant = graph.add_constant(name + "_weights", Tensor::of_floats({outputs, inputs, 1, 1}, weights));
  const ValueId output = add_floats(graph, name + "_out", outputs);
  graph.nodes.push_back({name, Conv{{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, {input, constant}, {output}});
  return output;
}

TensorType grid(int64_t channels, float scale) { return {DType::kInt8, {1, channels, 1, kPixels}, *Affine::per_tensor(scale)}; }

// x -> first -> second; an Add of the input and `first` is a second output.
struct Network2 {
  Network2() {
    graph.inputs = {add_floats(graph, "x", 2)};
    const ValueId middle = add_conv(graph, "first", graph.inputs[0], {1, 0.5f, -0.25f, 2});
    const ValueId sum = add_floats(graph, "sum", 2);
    const ValueId last = add_conv(graph, "second", middle, {1, -1});
    graph.nodes.push_back({"add", Binary{BinaryKind::kAdd}, {graph.inputs[0], middle}, {sum}});
    graph.outputs = {last, sum};
  }
  Graph graph;
  std::vector<float> x = {0.3f, -1.2f, 2.6f, 0.04f, 1.13f, 0.7f, -0.9f, 3.3f};  // no sum lies between two steps
  std::shared_ptr<const Network> placed() const { return *Network::make(graph, false, Isa::kBest, 1); }
  std::vector<TrialPhoto> photos() const { return {{{Tensor::of_floats({1, 2, 1, kPixels}, x)}, "photo"}}; }
};

// The head of `second` in double: round(first(x)) where a step is given, with these weights of `second`.
std::vector<double> head_in_double(const std::vector<float>& x, double step, double a, double b) {
  std::vector<double> head;
  for (size_t p = 0; p < kPixels; ++p) {
    double u = x[p] + 0.5 * x[p + kPixels], v = -0.25 * x[p] + 2.0 * x[p + kPixels];
    if (step > 0) u = step * std::nearbyint(u / step), v = step * std::nearbyint(v / step);
    head.push_back(a * u + b * v);
  }
  return head;
}

double error_in_double(const std::vector<double>& head, const std::vector<double>& exact) {
  double error = 0, energy = 0;
  for (size_t i = 0; i < head.size(); ++i) error += std::pow(head[i] - exact[i], 2), energy += exact[i] * exact[i];
  return error / energy;
}

TEST(Trials, ErrorsAreThoseOfSumsInDouble) {
  const Network2 network;
  const IntegerLayer second{"second", {{"first_out", grid(2, 0.25f)}}, {{1, Tensor::of_floats({1, 2, 1, 1}, std::vector<float>{1.125f, -1})}}};
  Context context;
  context.threads = 2;
  TrialBench bench(network.graph, network.placed(), "test", network.photos(), nullptr, context);
  const std::vector<std::string> heads = {"second_out"};
  const std::vector<Trial> trials = {{{&second, true, false}}, {{&second, false, true}}, {{&second}}, {}};
  const auto errors = bench.measure(trials, heads);
  ASSERT_TRUE(errors) << errors.error().message;
  const std::vector<double> exact = head_in_double(network.x, 0, 1, -1);
  EXPECT_NEAR((*errors)[0], error_in_double(head_in_double(network.x, 0, 1.125, -1), exact), 1e-6);
  EXPECT_NEAR((*errors)[1], error_in_double(head_in_double(network.x, 0.25, 1, -1), exact), 1e-6);
  EXPECT_NEAR((*errors)[2], error_in_double(head_in_double(network.x, 0.25, 1.125, -1), exact), 1e-6);
  EXPECT_EQ((*errors)[3], 0);
  EXPECT_GT((*errors)[1], 1e-5);
}

TEST(Trials, HeadsAreWhatTheLastProductsGive) {
  const Network2 network;
  EXPECT_EQ(head_values(network.graph), (std::vector<std::string>{"first_out", "second_out"}));
}

TEST(Trials, AnOutputOfTheGraphStaysFloat) {
  Network2 network;
  network.graph.outputs.push_back(network.graph.nodes[0].outputs[0]);
  const IntegerLayer second{"second", {{"first_out", grid(2, 0.25f)}}, {}};
  const auto made = make_trial(network.graph, {{&second}});
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->changed);
  ASSERT_EQ(made->grids.size(), 1u);
  EXPECT_NE(made->grids.begin()->first, "first_out");
  const Context context;
  TrialBench bench(network.graph, network.placed(), "test", network.photos(), nullptr, context);
  const std::vector<Trial> trials = {{{&second}}};
  EXPECT_EQ(bench.measure(trials, std::vector<std::string>{"first_out"})->front(), 0);
  EXPECT_GT(bench.measure(trials, std::vector<std::string>{"second_out"})->front(), 0);
}

TEST(Trials, TheGridWithMostBitsCounts) {
  const Network2 network;
  TensorType fine = grid(2, 0.001f);
  fine.dtype = DType::kInt16;
  const IntegerLayer coarse_reader{"second", {{"first_out", grid(2, 0.25f)}}, {}}, fine_reader{"add", {{"first_out", fine}}, {}};
  for (const Trial& trial : {Trial{{&coarse_reader}, {&fine_reader}}, Trial{{&fine_reader}, {&coarse_reader}}})
    EXPECT_EQ(make_trial(network.graph, trial)->grids.at("first_out").dtype, DType::kInt16);
  const IntegerLayer stranger{"third", {}, {}};
  EXPECT_FALSE(make_trial(network.graph, {{&stranger}}));
}

QuantizedGraph made_of(Graph graph) {
  QuantizedGraph quantized;
  quantized.graph = std::move(graph);
  return quantized;
}

TEST(IntegerLayers, AreWhatTheQuantizedGraphMakesOfTheFloatOne) {
  const Network2 network;
  Graph quantized = network.graph;
  for (Value& value : quantized.values) {
    if (value.name == "first_out") value.type.affine = *Affine::per_tensor(0.5f), value.type.dtype = DType::kInt8;
    if (value.name != "second_weights") continue;
    value.constant = Tensor::of<int8_t>(DType::kInt8, {1, 2, 1, 1}, std::vector<int8_t>{100, -99});
    value.type = {DType::kInt8, {1, 2, 1, 1}, *Affine::per_tensor(0.01f)};
  }
  const auto layers = integer_layers(network.graph, made_of(quantized));
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].node, "second");
  EXPECT_EQ(layers[1].node, "add");
  EXPECT_EQ(layers[0].grids.at("first_out").affine->scales(), std::vector<float>{0.5f});
  ASSERT_EQ(layers[0].constants.size(), 1u);
  EXPECT_FLOAT_EQ(layers[0].constants[0].reals.data<float>()[1], -0.99f);
  EXPECT_TRUE(layers[1].constants.empty());
}

// With a Mul before `second` that makes channel 1 four times as small, and weights that make up for it.
TEST(IntegerLayers, TakeUpAMulThatScalesChannels) {
  const Network2 network;
  Graph quantized = network.graph;
  const ValueId factors = quantized.add_constant("factors", Tensor::of_floats({1, 2, 1, 1}, std::vector<float>{1, 0.25f}));
  const ValueId scaled = quantized.add_value({"scaled", grid(2, 0.5f), std::nullopt});
  Node& second = quantized.nodes[1];
  quantized.value(second.inputs[1]).constant = Tensor::of_floats({1, 2, 1, 1}, std::vector<float>{1, -3.96f});
  const ValueId middle = second.inputs[0];
  second.inputs[0] = scaled;
  quantized.nodes.push_back({"scale", Binary{BinaryKind::kMul}, {middle, factors}, {scaled}});
  QuantizedGraph made = made_of(quantized);
  made.equalized["scaled"] = {"first_out", {1, 4}, {}, grid(2, 0.5f)};
  const auto layers = integer_layers(network.graph, made);
  ASSERT_EQ(layers.size(), 1u);
  EXPECT_EQ(layers[0].grids.at("first_out").affine->scales(), (std::vector<float>{0.5f, 2}));
  EXPECT_FLOAT_EQ(layers[0].constants.at(0).reals.data<float>()[1], -0.99f);
}

class MeasurementsTest : public testing::Test {
 protected:
  MeasurementsTest() {
    fs::remove_all(folder_);
    context_.on_note = [this](std::string_view note) { notes_.emplace_back(note); };
  }
  ~MeasurementsTest() override { fs::remove_all(folder_); }
  fs::path only_file() const { return fs::directory_iterator(folder_)->path(); }

  const fs::path folder_ = fs::temp_directory_path() / ("halftone-measurements-" + std::to_string(getpid()));
  std::vector<std::string> notes_;
  Context context_;
};

TEST_F(MeasurementsTest, AreFoundAgain) {
  const std::vector<double> numbers = {0.1, -3e-310, INFINITY};
  Measurements first(folder_, context_), second(folder_, context_);
  EXPECT_FALSE(first.get("key", 3));
  first.put("key", numbers);
  EXPECT_EQ(second.get("key", 3), numbers);
  EXPECT_FALSE(second.get("other", 3));
  EXPECT_EQ(first.measured(), 1);
  EXPECT_EQ(second.found(), 1);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(MeasurementsTest, DamagedOnesCountForNothing) {
  Measurements store(folder_, context_);
  const std::vector<double> numbers = {0.5};
  store.put("key", numbers);
  std::string text;
  {
    std::ifstream file(only_file());
    text.assign(std::istreambuf_iterator<char>(file), {});
  }
  for (size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    std::ofstream(only_file()) << damaged;
    EXPECT_FALSE(store.get("key", 1)) << at;
    std::ofstream(only_file()) << text.substr(0, at);
    EXPECT_FALSE(store.get("key", 1)) << at;
  }
  EXPECT_EQ(notes_.size(), 2 * text.size());
  EXPECT_NE(notes_[0].find(only_file().filename().string()), std::string::npos);
  std::ofstream(only_file()) << text;
  EXPECT_TRUE(store.get("key", 1));
  EXPECT_FALSE(store.get("key", 2));
}

TEST_F(MeasurementsTest, WhereNothingCanBeKeptOneNoteSaysSo) {
  std::ofstream(folder_) << "a file where the folder should be";
  Measurements store(folder_, context_);
  const std::vector<double> numbers = {0.5};
  store.put("a", numbers);
  store.put("b", numbers);
  store.note_failures();
  store.note_failures();
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find(folder_.string()), std::string::npos);
}

}  // namespace
}  // namespace ht
