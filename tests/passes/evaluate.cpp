// SPDX-License-Identifier: Apache-2.0
#include "evaluate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "ir/text.h"
#include "ops/ops.h"

namespace ht {

Graph graph_of(std::string_view text) {
  auto graph = parse(text);
  if (!graph) {
    ADD_FAILURE() << graph.error().text();
    return {};
  }
  if (auto status = verify(*graph); !status) ADD_FAILURE() << status.error().text();
  return *std::move(graph);
}

int count_nodes(const Graph& graph, std::string_view op) {
  int count = 0;
  for (const Node& node : graph.nodes) count += op_name(node.op) == op;
  return count;
}

std::vector<Tensor> evaluate_random(const Graph& graph, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-8, 8);
  std::vector<Tensor> tensors(graph.values.size());
  for (size_t i = 0; i < tensors.size(); ++i)
    if (graph.values[i].constant) tensors[i] = *graph.values[i].constant;
  for (ValueId input : graph.inputs) {
    Tensor tensor = Tensor::zeros(DType::kFloat32, graph.value(input).type.shape);
    for (float& x : tensor.mutable_data<float>()) x = uniform(engine);
    tensors[input.index] = tensor;
  }
  for (const Node& node : graph.nodes) {
    std::vector<const Tensor*> inputs;
    for (ValueId input : node.inputs) inputs.push_back(input.valid() ? &tensors[input.index] : nullptr);
    const auto outputs = reference(node, inputs);
    if (!outputs) {
      ADD_FAILURE() << outputs.error().text();
      return {};
    }
    for (size_t i = 0; i < outputs->size(); ++i) tensors[node.outputs[i].index] = (*outputs)[i];
  }
  std::vector<Tensor> results;
  for (ValueId output : graph.outputs) results.push_back(tensors[output.index]);
  return results;
}

namespace {

void expect_same_interface(const Graph& a, const Graph& b) {
  auto expect_same = [&](const std::vector<ValueId>& as, const std::vector<ValueId>& bs) {
    ASSERT_EQ(as.size(), bs.size());
    for (size_t i = 0; i < as.size(); ++i) {
      EXPECT_EQ(a.value(as[i]).name, b.value(bs[i]).name);
      EXPECT_EQ(a.value(as[i]).type, b.value(bs[i]).type);
    }
  };
  expect_same(a.inputs, b.inputs);
  expect_same(a.outputs, b.outputs);
}

void expect_same_results(const Graph& a, const Graph& b, unsigned seed) {
  const auto expected = evaluate_random(a, seed), got = evaluate_random(b, seed);
  ASSERT_EQ(expected.size(), got.size());
  for (size_t i = 0; i < got.size(); ++i) {
    const auto e = expected[i].to_doubles(), g = got[i].to_doubles();
    ASSERT_EQ(e.size(), g.size());
    double range = 1;
    for (double x : e) range = std::max(range, std::abs(x));
    for (size_t k = 0; k < g.size(); ++k) ASSERT_NEAR(e[k], g[k], 1e-5 * range) << "output " << i << ", element " << k;
  }
}

}  // namespace

Graph expect_kept(const Graph& before, Result<bool> (*pass)(Graph&)) {
  Graph after = before;
  const auto changed = pass(after);
  EXPECT_TRUE(changed && *changed) << print(before);
  if (auto status = verify(after); !status) ADD_FAILURE() << status.error().text() << "\n" << print(after);
  expect_same_interface(before, after);
  for (unsigned seed = 0; seed < 3; ++seed) expect_same_results(before, after, seed);
  expect_unchanged(after, pass);
  return after;
}

void expect_unchanged(const Graph& graph, Result<bool> (*pass)(Graph&)) {
  Graph after = graph;
  const auto changed = pass(after);
  EXPECT_TRUE(changed && !*changed) << print(graph) << "became\n" << print(after);
  EXPECT_EQ(after, graph);
}

}  // namespace ht
