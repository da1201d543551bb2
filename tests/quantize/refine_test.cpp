// SPDX-License-Identifier: Apache-2.0
#include "quantize/refine.h"

#include <gtest/gtest.h>


#include "moments_of.h"

namespace ht {
namespace {

// A 1x1 convolution on 4x4 pixels, named as its output.
ValueId add_conv(Graph& graph, const std::string& name, ValueId input) {
  const int64_t inputs = graph.value(input).type.shape[1];
  const ValueId weights = graph.add_constant(name + "_weights", Tensor::of_floats({2, inputs, 1, 1}, std::vector<float>(static_cast<size_t>(2 * inputs), 0.5f)));
  const ValueId output = graph.add_value({name, {DType::kFloat32, {1, 2, 4, 4}, std::nullopt}, std::nullopt});
  graph.nodes.push_back({name, Conv{{1, 1}, {1, 1}, {0, 0, 0, 0}, 1}, {input, weights}, {output}});
  return output;
}

ValueId add_sum(Graph& graph, const std::string& name, ValueId a, ValueId b) {
  const ValueId output = graph.add_value({name, graph.value(a).type, std::nullopt});
  graph.nodes.push_back({name, Binary{BinaryKind::kAdd}, {a, b}, {output}});
  return output;
}

ObservedProduct named(const std::string& name, int64_t size = 2) {
  ObservedProduct product;
  product.node = name;
  product.groups = 1;
  product.size = size;
  product.outputs = 2;
  return product;
}

std::vector<std::string> names_of(const std::vector<ObservedProduct>& products) {
  std::vector<std::string> names;
  for (const ObservedProduct& product : products) names.push_back(product.node);
  return names;
}

TEST(SortIntoParts, NoProductStandsBehindAnotherOfItsPart) {
  Graph graph;
  graph.inputs = {graph.add_value({"x", {DType::kFloat32, {1, 2, 4, 4}, std::nullopt}, std::nullopt})};
  const ValueId first = add_conv(graph, "first", graph.inputs[0]), left = add_conv(graph, "left", first), right = add_conv(graph, "right", first);
  const ValueId long_way = add_conv(graph, "long_way", right);
  graph.outputs = {add_conv(graph, "last", add_sum(graph, "sum", left, long_way))};
  std::vector<ObservedProduct> products = {named("last"), named("right"), named("left"), named("long_way"), named("first")};
  EXPECT_EQ(sort_into_parts(graph, products), (std::vector<size_t>{1, 2, 1, 1}));
  EXPECT_EQ(names_of(products), (std::vector<std::string>{"first", "right", "left", "long_way", "last"}));
}

TEST(SortIntoParts, LayersOfARowWaitForEachOther) {
  Graph graph;
  graph.inputs = {graph.add_value({"x", {DType::kFloat32, {1, 2, 4, 4}, std::nullopt}, std::nullopt})};
  ValueId value = graph.inputs[0];
  std::vector<ObservedProduct> products;
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) {
    names.push_back("conv" + std::to_string(i));
    value = add_conv(graph, names.back(), value);
    products.insert(products.begin(), named(names.back()));
  }
  EXPECT_EQ(sort_into_parts(graph, products), std::vector<size_t>(100, 1));
  EXPECT_EQ(names_of(products), names);
}

TEST(SortIntoParts, APartHoldsAFewLargeProductsOrManySmallOnes) {
  Graph graph;
  graph.inputs = {graph.add_value({"x", {DType::kFloat32, {1, 2, 4, 4}, std::nullopt}, std::nullopt})};
  std::vector<ObservedProduct> large, small;
  for (int i = 0; i < 30; ++i) {
    const std::string name = "conv" + std::to_string(i);
    add_conv(graph, name, graph.inputs[0]);
    large.push_back(named(name, 1100));
    small.push_back(named(name, 100));
  }
  EXPECT_GT(sort_into_parts(graph, large).size(), 1u);
  EXPECT_LT(sort_into_parts(graph, large).size(), 10u);
  EXPECT_EQ(sort_into_parts(graph, small), (std::vector<size_t>{30}));
}

// Samples of a matrix product [6, 3] (weights input by input) with a bias, whose inputs are integers times 0.5.
// The float network's outputs are greater by what the layers before it do wrong in the mean, which is for a product with one place a photo to take up.
void check_integers_scales_and_means(int64_t places) {
  constexpr double kWrongBefore = 7;
  constexpr size_t kSize = 6, kOutputs = 3, kCount = 400;
  std::mt19937 random(7);
  std::vector<float> weights;
  for (double w : normal_numbers(random, kSize * kOutputs)) weights.push_back(static_cast<float>(w));
  ObservedProduct product = named("product", kSize);
  product.outputs = kOutputs;
  product.output_shape = {places, kOutputs};
  product.output_units.assign(kOutputs, 1.0 / 256);
  ObservedMoments moments{ProductMoments(product), ProductMoments(product)};
  const Rows rows = correlated_inputs(random, kCount, kSize, 0.9, 25);
  const std::vector<float> true_bias = {1, -2, 30};
  std::vector<std::vector<double>> outputs;
  for (size_t n = 0; n < kCount; ++n) {
    std::vector<double> y, units;
    for (size_t o = 0; o < kOutputs; ++o) {
      y.push_back(true_bias[o]);
      for (size_t i = 0; i < kSize; ++i) y.back() += 0.5 * rows[n][i] * weights[i * kOutputs + o];
      units.push_back(std::nearbyint((y.back() + kWrongBefore) * 256));
    }
    (n % 4 == 3 ? moments.check : moments.fit).add(1, rows[n], units);
    outputs.push_back(y);
  }
  moments.fit.finish();
  moments.check.finish();
  const Shape shape = {kSize, kOutputs};
  WeightRequest request{WeightScale::kMse, true, -7, 7, 1, 0};
  const auto nearest = quantize_weights(weights, shape, request);
  ASSERT_TRUE(nearest);
  const std::vector<float> input_scale = {0.5f};

  const auto error_of = [&](const QuantizedWeights& quantized, const std::vector<float>& bias, size_t o, double& mean) {
    double sum = 0;
    mean = 0;
    for (size_t n = 0; n < kCount; ++n) {
      double error = bias[o] - outputs[n][o];
      for (size_t i = 0; i < kSize; ++i) error += 0.5 * rows[n][i] * quantized.values[i * kOutputs + o] * quantized.scales[o];
      sum += error * error / kCount;
      mean += error / kCount;
    }
    return sum;
  };
  for (WeightRounding method : {WeightRounding::kGptq, WeightRounding::kDescent, WeightRounding::kLeastSquares}) {
    QuantizedWeights quantized = *nearest;
    std::vector<float> bias = true_bias;
    refine_product(product, moments, weights, shape, request, input_scale, {method, 2}, quantized, bias);
    QuantizedWeights alone = *nearest;
    std::vector<float> same = true_bias;
    refine_product(product, moments, weights, shape, request, input_scale, {method, 1}, alone, same);
    EXPECT_EQ(quantized.values, alone.values);
    EXPECT_EQ(quantized.scales, alone.scales);
    EXPECT_EQ(bias, same);
    double before = 0, after = 0;
    for (size_t o = 0; o < kOutputs; ++o) {
      double mean = 0;
      before += error_of(*nearest, true_bias, o, mean);
      after += error_of(quantized, bias, o, mean);
      EXPECT_NEAR(mean, places == 1 ? kWrongBefore : 0, places == 1 ? 0.01 : 1e-5);
    }
    EXPECT_LT(after - (places == 1 ? kOutputs * kWrongBefore * kWrongBefore : 0), 0.5 * before);
    EXPECT_EQ(quantized.scales == nearest->scales, method == WeightRounding::kGptq);
  }
}

TEST(RefineProduct, GivesIntegersScalesAndTheMeanThatExactWeightsMake) { check_integers_scales_and_means(49); }

TEST(RefineProduct, GivesTheFloatNetworksMeanWhereAPhotoHasOnePlace) { check_integers_scales_and_means(1); }

// Outputs are 3 x + 10, and the weight is to make 2 x + 10 of them: what is missing of 3 x is proportional to x.
TEST(RefineProduct, KeepsBiasesThatMayNotBeCorrected) {
  ObservedProduct product = named("product", 1);
  product.outputs = 1;
  product.output_units = {1};
  ObservedMoments moments{ProductMoments(product), ProductMoments(product)};
  for (int x = 1; x <= 40; ++x) {
    const std::vector<double> input = {double(x)}, output = {3.0 * x + 10};
    (x % 4 == 3 ? moments.check : moments.fit).add(1, input, output);
  }
  moments.fit.finish();
  moments.check.finish();
  const std::vector<float> weights = {2}, input_scale = {1};
  const Shape shape = {1, 1, 1, 1};
  const auto nearest = quantize_weights(weights, shape, {});
  QuantizedWeights quantized = *nearest;
  std::vector<float> bias = {10};
  refine_product(product, moments, weights, shape, {}, input_scale, {WeightRounding::kLeastSquares, 1, false}, quantized, bias);
  EXPECT_EQ(bias, (std::vector<float>{10}));
  EXPECT_NEAR(quantized.values[0] * quantized.scales[0], 3, 0.05);
}

TEST(RefineProduct, WithoutSamplesNothingChanges) {
  const std::vector<float> weights = {1, 2, 3, 4}, input_scale = {0.5f};
  ObservedProduct product = named("product");
  product.output_units = {1, 1};
  const ObservedMoments moments{ProductMoments(product), ProductMoments(product)};
  const auto nearest = quantize_weights(weights, {2, 2, 1, 1}, {});
  QuantizedWeights quantized = *nearest;
  std::vector<float> bias = {5, 6};
  refine_product(product, moments, weights, {2, 2, 1, 1}, {}, input_scale, {}, quantized, bias);
  EXPECT_EQ(quantized.values, nearest->values);
  EXPECT_EQ(quantized.scales, nearest->scales);
  EXPECT_EQ(bias, (std::vector<float>{5, 6}));
}

}  // namespace
}  // namespace ht
