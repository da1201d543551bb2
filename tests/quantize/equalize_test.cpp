// SPDX-License-Identifier: Apache-2.0
// A scale a channel where the target has one a tensor: what is computed stays the same.
#include "quantize/cross_layer.h"
#include "quantize/equalize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "quantize/target.h"

namespace ht {
namespace {

constexpr int64_t kSide = 4;

struct Net {
  Graph graph;
  std::mt19937 random{11};

  ValueId add_value(const std::string& name, int64_t channels) {
    return graph.add_value({name, {DType::kFloat32, {1, channels, kSide, kSide}, std::nullopt}, std::nullopt});
  }
  std::vector<float> numbers(size_t count) {
    std::normal_distribution<float> normal;
    std::vector<float> made(count);
    for (float& x : made) x = normal(random);
    return made;
  }
  ValueId conv(const std::string& name, ValueId input, int64_t outputs, int64_t groups = 1, int64_t side = 3, float least_bias = 0) {
    const int64_t per_group = graph.value(input).type.shape[1] / groups, pad = side / 2;
    const auto count = static_cast<size_t>(outputs * per_group * side * side);
    const ValueId weights = graph.add_constant(name + "_weights", Tensor::of_floats({outputs, per_group, side, side}, numbers(count)));
    std::vector<float> biases = numbers(static_cast<size_t>(outputs));
    for (float& b : biases) b += least_bias;
    const ValueId bias = graph.add_constant(name + "_bias", Tensor::of_floats({outputs}, biases));
    const ValueId output = add_value(name + "_out", outputs);
    graph.nodes.push_back({name, Conv{{1, 1}, {1, 1}, {pad, pad, pad, pad}, groups}, {input, weights, bias}, {output}});
    return output;
  }
  ValueId unary(const std::string& name, UnaryKind kind, ValueId input) {
    const ValueId output = add_value(name + "_out", graph.value(input).type.shape[1]);
    graph.nodes.push_back({name, Unary{kind, 0, 0}, {input}, {output}});
    return output;
  }
  ValueId concat(const std::string& name, ValueId a, ValueId b) {
    const ValueId output = add_value(name + "_out", graph.value(a).type.shape[1] + graph.value(b).type.shape[1]);
    graph.nodes.push_back({name, Concat{1}, {a, b}, {output}});
    return output;
  }
};

// What the graph computes, in double precision.
class Truth {
 public:
  explicit Truth(const Graph& graph) : graph_(graph), values_(graph.values.size()) {}

  std::vector<double> run(const std::vector<double>& input) {
    values_[graph_.inputs[0].index] = input;
    for (const Node& node : graph_.nodes) values_[node.outputs[0].index] = compute(node);
    return values_[graph_.outputs[0].index];
  }
  const std::vector<std::vector<double>>& values() const { return values_; }  // of the last run

  std::vector<double> convolve(const Conv& conv, const Node& node, const std::vector<double>& x) {
    const int64_t outputs = shape(node.inputs[1])[0], per_group = shape(node.inputs[1])[1], side = shape(node.inputs[1])[2], taps = side * side;
    std::vector<double> y;
    for (int64_t o = 0; o < outputs; ++o)
      for (int64_t at = 0; at < kSide * kSide; ++at) {
        double sum = constant(node, 2, o);
        for (int64_t i = 0; i < per_group * taps; ++i) {
          const int64_t row = at / kSide + i % taps / side - side / 2, column = at % kSide + i % side - side / 2;
          if (row < 0 || row >= kSide || column < 0 || column >= kSide) continue;
          const int64_t channel = o / (outputs / conv.groups) * per_group + i / taps;
          sum += constant(node, 1, o * per_group * taps + i) * x[static_cast<size_t>((channel * kSide + row) * kSide + column)];
        }
        y.push_back(sum);
      }
    return y;
  }

 private:
  const Shape& shape(ValueId value) const { return graph_.value(value).type.shape; }
  double constant(const Node& node, size_t input, int64_t i) const {
    return graph_.value(node.inputs[input]).constant->data<float>()[static_cast<size_t>(i)];
  }

  std::vector<double> compute(const Node& node) {
    const std::vector<double>& x = values_[node.inputs[0].index];
    std::vector<double> y;
    if (const auto* conv = std::get_if<Conv>(&node.op)) return convolve(*conv, node, x);
    if (const auto* unary = std::get_if<Unary>(&node.op)) {
      for (double v : x) y.push_back(unary->kind == UnaryKind::kRelu ? std::max(v, 0.0) : v / (1 + std::exp(-v)));
    } else if (std::holds_alternative<Binary>(node.op)) {
      for (size_t i = 0; i < x.size(); ++i) y.push_back(x[i] * constant(node, 1, static_cast<int64_t>(i) / (kSide * kSide)));
    } else {
      for (ValueId input : node.inputs) y.insert(y.end(), values_[input.index].begin(), values_[input.index].end());
    }
    return y;
  }

  const Graph& graph_;
  std::vector<std::vector<double>> values_;
};

QuantizeRequest request_for(std::string_view target) {
  QuantizeRequest request;
  request.target = *find_target(target);
  return request;
}

// Types with channels that lie these powers of 2 apart, the same for channels that Concat joins.
ChannelTypes spread_types(const Graph& graph, DType dtype, float octaves) {
  ChannelTypes types;
  for (const Value& value : graph.values) {
    if (value.constant) continue;
    std::vector<float> scales;
    std::vector<int32_t> zero_points;
    for (int64_t c = 0; c < value.type.shape[1]; ++c) {
      scales.push_back(std::exp2(-octaves * static_cast<float>(c % 4)));
      zero_points.push_back(static_cast<int32_t>(10 + c % 4));
    }
    types[value.name] = {dtype, value.type.shape, *Affine::per_axis(scales, zero_points, 1, 4)};
  }
  return types;
}

struct Made {
  Graph graph;
  std::vector<Role> roles;
  Equalizations equalized;
  size_t multiplications = 0;
};

constexpr float kFarApart = 2;  // so that every fourth channel drowns

Made equalize(const Graph& graph, std::string_view target, float octaves = kFarApart) {
  const QuantizeRequest request = request_for(target);
  Made made{graph, {}, {}};
  std::vector<std::string> notes;
  made.roles = *find_roles(graph, request, notes);
  made.equalized = *equalize_channels(made.graph, made.roles, spread_types(graph, request.target.activations, octaves), request, notes);
  EXPECT_EQ(made.graph.nodes.size(), made.roles.size());
  EXPECT_TRUE(sort_nodes(made.graph));
  for (const Node& node : made.graph.nodes) made.multiplications += std::holds_alternative<Binary>(node.op) ? 1 : 0;
  return made;
}

std::vector<double> random_input(const Graph& graph) {
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  std::vector<double> input(static_cast<size_t>(element_count(graph.value(graph.inputs[0]).type.shape)));
  for (double& x : input) x = normal(random);
  return input;
}

// Of 1 and -1 alone.
std::vector<double> signs(const Graph& graph) {
  std::vector<double> input = random_input(graph);
  for (double& x : input) x = x < 0 ? -1 : 1;
  return input;
}

void expect_same(const Graph& before, const Graph& after, const std::vector<double>& input) {
  const auto wanted = Truth(before).run(input), found = Truth(after).run(input);
  ASSERT_EQ(wanted.size(), found.size());
  double scale = 0;
  for (double x : wanted) scale = std::max(scale, std::abs(x));
  // Each weight is rounded to single precision once or twice more.
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-6 * scale) << i;
}

void expect_same(const Graph& before, const Graph& after) { expect_same(before, after, random_input(before)); }

// conv, activation, a convolution with these groups, and one more, which is the head.
Net chain(UnaryKind kind, int64_t groups) {
  Net net;
  const ValueId input = net.add_value("x", 4);
  net.graph.inputs = {input};
  const ValueId activated = net.unary("act", kind, net.conv("first", input, 8));
  net.graph.outputs = {net.conv("last", net.conv("second", activated, 8, groups), 4)};
  return net;
}

TEST(EqualizeChannels, MultipliesBehindACurvedActivation) {
  const Net net = chain(UnaryKind::kSilu, 1);
  const Made made = equalize(net.graph, "openvino");
  EXPECT_EQ(made.multiplications, 1u);
  ASSERT_TRUE(made.equalized.contains("act_out_equalized"));
  EXPECT_EQ(made.equalized.at("act_out_equalized").source, "act_out");
  expect_same(net.graph, made.graph);
}

TEST(EqualizeChannels, ChangesWeightsAloneBehindAReluOrNothing) {
  const Net net = chain(UnaryKind::kRelu, 1);
  for (const std::string_view target : {"openvino", "onnxruntime"}) {
    const Made made = equalize(net.graph, target);
    EXPECT_EQ(made.multiplications, 0u) << target;
    EXPECT_TRUE(made.equalized.contains("act_out_equalized") && made.equalized.contains("second_out_equalized")) << target;
    for (const Role& role : made.roles) EXPECT_TRUE(role.is_integer()) << role.float_reason;
    expect_same(net.graph, made.graph);
  }
}

TEST(EqualizeChannels, LeavesToDepthwiseConvolutionsWhatTheyTakeUp) {
  const Net net = chain(UnaryKind::kSilu, 8);
  const Made openvino = equalize(net.graph, "openvino"), onnxruntime = equalize(net.graph, "onnxruntime");
  EXPECT_FALSE(openvino.equalized.contains("act_out_equalized"));
  EXPECT_TRUE(onnxruntime.equalized.contains("act_out_equalized"));
  EXPECT_EQ(onnxruntime.multiplications, 1u);
  expect_same(net.graph, openvino.graph);
  expect_same(net.graph, onnxruntime.graph);
}

// Where that would leave a convolution in float for no drowned channel.
TEST(EqualizeChannels, LeavesAloneWhatDoesNotPay) {
  const Net net = chain(UnaryKind::kSilu, 1);
  const Made made = equalize(net.graph, "onnxruntime", 1);
  EXPECT_EQ(made.multiplications, 0u);
  EXPECT_FALSE(made.equalized.contains("act_out_equalized"));
  EXPECT_EQ(equalize(net.graph, "onnxruntime", kFarApart).multiplications, 1u);
}

TEST(EqualizeChannels, CarriesFactorsThroughConcat) {
  Net net;
  const ValueId input = net.add_value("x", 4);
  net.graph.inputs = {input};
  const ValueId a = net.unary("relu", UnaryKind::kRelu, net.conv("a", input, 4)), b = net.unary("silu", UnaryKind::kSilu, net.conv("b", input, 4));
  net.graph.outputs = {net.conv("last", net.concat("both", a, b), 4)};
  const Made made = equalize(net.graph, "openvino");
  EXPECT_EQ(made.multiplications, 1u);
  for (const std::string name : {"relu_out_equalized", "silu_out_equalized", "both_out_equalized"}) EXPECT_TRUE(made.equalized.contains(name)) << name;
  expect_same(net.graph, made.graph);
}

TEST(EqualizeChannels, KeepsItsHandsOffWhatOthersRead) {
  Net net;
  const ValueId input = net.add_value("x", 4);
  net.graph.inputs = {input};
  const ValueId a = net.conv("a", input, 4);
  const ValueId b = net.conv("b", a, 4);
  const ValueId sum = net.add_value("sum_out", 4);
  net.graph.nodes.push_back({"sum", Binary{BinaryKind::kAdd}, {a, b}, {sum}});
  net.graph.outputs = {net.conv("last", sum, 4)};
  const QuantizeRequest request = request_for("openvino");
  std::vector<std::string> notes;
  Graph graph = net.graph;
  auto roles = *find_roles(graph, request, notes);
  const auto equalized = *equalize_channels(graph, roles, spread_types(graph, DType::kUint8, kFarApart), request, notes);
  EXPECT_FALSE(equalized.contains("a_out_equalized"));
  EXPECT_FALSE(equalized.contains("b_out_equalized"));
}

TEST(Equalized, ItsSourceHasTheSameIntegers) {
  const Equalized equalized{"x", {1.0f, 0.25f}, {}, {DType::kUint8, {1, 2, 1, 1}, *Affine::per_tensor(0.5f, 7)}};
  const TensorType type = *equalized.source_type();
  EXPECT_EQ(type.affine->scales_along(1, 2), (std::vector<float>{0.5f, 0.125f}));
  EXPECT_EQ(type.affine->zero_points_along(1, 2), (std::vector<int32_t>{7, 7}));
}

TEST(ShareZeroPoint, HoldsAllRangesWithTheLeastGrowth) {
  std::mt19937 random(3);
  std::lognormal_distribution<double> width(0, 2);
  for (int trial = 0; trial < 20; ++trial) {
    std::vector<Range> ranges;
    for (int c = 0; c < 12; ++c) ranges.push_back({-width(random), width(random)});
    const SharedZeroPoint shared = share_zero_point(ranges);
    const auto growth = [&](double zero_point) {
      double sum = 0;
      for (const Range& range : ranges)
        sum += std::pow(std::max(range.max / (255 - zero_point), -range.min / zero_point) / ((range.max - range.min) / 255), 2);
      return sum;
    };
    for (size_t c = 0; c < ranges.size(); ++c) {
      EXPECT_LE(shared.steps[c] * -shared.zero_point, ranges[c].min * (1 - 1e-12));
      EXPECT_GE(shared.steps[c] * (255 - shared.zero_point), ranges[c].max * (1 - 1e-12));
    }
    for (int zero_point = 1; zero_point < 255; ++zero_point) EXPECT_LE(growth(shared.zero_point), growth(zero_point) * (1 + 1e-12));
  }
}

TEST(ShareZeroPoint, KeepsWhatAllHaveInCommon) {
  EXPECT_EQ(share_zero_point({{0, 4}, {0, 0.5}}).zero_point, 0);
  EXPECT_EQ(share_zero_point({{-128, 127}, {-1.28, 1.27}}).zero_point, 128);
  EXPECT_EQ(share_zero_point({{-3, 0}, {-1, 0}}).zero_point, 255);
  const SharedZeroPoint silent = share_zero_point({{0, 0}, {0, 2.55}});
  EXPECT_DOUBLE_EQ(silent.steps[0], silent.steps[1]);
}

// ---- factors between layers ----

Statistics observe(const Graph& graph, const std::vector<double>& input) {
  Truth truth(graph);
  truth.run(input);
  Statistics statistics;
  for (size_t v = 0; v < graph.values.size(); ++v) {
    if (graph.values[v].constant) continue;
    ValueStatistics seen(graph.values[v].type.shape[1]);
    const std::vector<double>& values = truth.values()[v];
    seen.observe_plain(std::vector<float>(values.begin(), values.end()), kSide * kSide);
    statistics.values.emplace(graph.values[v].name, std::move(seen));
  }
  return statistics;
}

// The greatest magnitude of each row of weights, or of each of their input channels.
std::vector<double> magnitudes(const Graph& graph, const std::string& conv, bool rows) {
  const Node& node = *std::ranges::find(graph.nodes, conv, &Node::name);
  const Tensor& weights = *graph.value(node.inputs[1]).constant;
  const size_t inputs = static_cast<size_t>(weights.shape()[1]), taps = weights.data<float>().size() / (static_cast<size_t>(weights.shape()[0]) * inputs);
  std::vector<double> found(rows ? static_cast<size_t>(weights.shape()[0]) : inputs);
  for (size_t i = 0; i < weights.data<float>().size(); ++i) {
    double& magnitude = found[rows ? i / (inputs * taps) : i / taps % inputs];
    magnitude = std::max(magnitude, static_cast<double>(std::abs(weights.data<float>()[i])));
  }
  return found;
}

// With statistics of one input.
Made equalize_layers_of(const Graph& graph, bool absorb_biases, const std::vector<double>& input) {
  const QuantizeRequest request = request_for("native");
  Made made{graph, {}, {}};
  std::vector<std::string> notes;
  made.roles = *find_roles(graph, request, notes);
  made.equalized = *equalize_layers(made.graph, made.roles, observe(graph, input), request, absorb_biases, notes);
  return made;
}

TEST(CrossLayerFactors, AreTheRootOfTheQuotient) {
  const std::vector<double> making = {4, 1, 0, 3}, reading = {1, 4, 2, 0};
  EXPECT_EQ(cross_layer_factors(making, reading), (std::vector<double>{2, 0.5, 1, 1}));
}

TEST(AbsorbedBias, LiesThreeDeviationsBelowTheMean) {
  EXPECT_DOUBLE_EQ(absorbed_bias(10, 4), 4);
  EXPECT_DOUBLE_EQ(absorbed_bias(5, 4), 0);
}

TEST(EqualizeLayers, EvensOutBothSidesAndChangesNothing) {
  const Net net = chain(UnaryKind::kRelu, 1);
  const Made made = equalize_layers_of(net.graph, false, random_input(net.graph));
  EXPECT_EQ(made.equalized.size(), 2u);
  expect_same(net.graph, made.graph);
  for (const auto& [before, behind] : {std::pair("first", "second"), std::pair("second", "last")}) {
    const auto rows = magnitudes(made.graph, before, true), columns = magnitudes(made.graph, behind, false);
    ASSERT_EQ(rows.size(), columns.size());
    for (size_t c = 0; c < rows.size(); ++c) EXPECT_NEAR(rows[c], columns[c], 1e-3 * rows[c]) << before << " " << c;
  }
}

TEST(EqualizeLayers, LeavesCurvedActivationsAlone) {
  const Net net = chain(UnaryKind::kSilu, 1);
  const Made made = equalize_layers_of(net.graph, false, random_input(net.graph));
  EXPECT_FALSE(made.equalized.contains("act_out_equalized"));
  EXPECT_TRUE(made.equalized.contains("second_out_equalized"));
}

// A convolution with high biases, ReLU, and a convolution without padding.
Net high_biases() {
  Net net;
  const ValueId input = net.add_value("x", 4);
  net.graph.inputs = {input};
  net.graph.outputs = {net.conv("last", net.unary("act", UnaryKind::kRelu, net.conv("first", input, 8, 1, 1, 100)), 4, 1, 1)};
  return net;
}

TEST(EqualizeLayers, MovesHighBiasesToReadersWithoutPadding) {
  const Net net = high_biases();
  // A sum of four signs times weights lies within two standard deviations of its mean, so nothing lies below what is taken away.
  const std::vector<double> input = signs(net.graph);
  const Made plain = equalize_layers_of(net.graph, false, input), absorbed = equalize_layers_of(net.graph, true, input);
  expect_same(net.graph, absorbed.graph, input);
  const Equalized& before = plain.equalized.at("act_out_equalized");
  const Equalized& after = absorbed.equalized.at("act_out_equalized");
  EXPECT_TRUE(before.offsets.empty());
  ASSERT_EQ(after.offsets.size(), 8u);
  EXPECT_LT(after.type.affine->scales()[0], 0.7f * before.type.affine->scales()[0]);
}

// The ReLU, moved up by what was taken away, makes that of what lies below.
TEST(EqualizeLayers, RaisesWhatLiesBelowAMovedBias) {
  const Net net = high_biases();
  std::vector<double> input = random_input(net.graph);
  for (size_t c = 0; c < 4; ++c) input[c * kSide * kSide] = 20;  // a pixel far off
  const Made absorbed = equalize_layers_of(net.graph, true, input);
  Truth truth(net.graph);
  truth.run(input);
  std::vector<double> raised = truth.values()[net.graph.nodes[0].outputs[0].index];
  const size_t side = kSide * kSide;
  for (size_t c = 0; c < 8; ++c) {
    double sum = 0, squares = 0;
    for (size_t i = c * side; i < (c + 1) * side; ++i) sum += raised[i], squares += raised[i] * raised[i];
    const double mean = sum / side, least = mean - 3 * std::sqrt(squares / side - mean * mean);
    ASSERT_GT(least, 0);
    for (size_t i = c * side; i < (c + 1) * side; ++i) raised[i] = std::max(raised[i], least);
  }
  ASSERT_NE(raised, truth.values()[net.graph.nodes[0].outputs[0].index]);
  const auto wanted = truth.convolve(std::get<Conv>(net.graph.nodes[2].op), net.graph.nodes[2], raised);
  const auto found = Truth(absorbed.graph).run(input);
  ASSERT_EQ(found.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(found[i], wanted[i], 1e-5 * std::abs(wanted[i]) + 1e-3) << i;
}

}  // namespace
}  // namespace ht
