// SPDX-License-Identifier: Apache-2.0
// A network computed part after part gives what the whole one gives.
#include "api/known_values.h"

#include <gtest/gtest.h>

#include "api/network.h"
#include "api/trace.h"
#include "../runtime/net.h"

namespace ht {
namespace {

constexpr size_t kSamples = 2;

using Values = std::map<std::string, Tensor>;

// The quantized values that a run of the graph makes.
Values run(const Graph& graph, std::span<const Tensor> inputs, KnownValues* known, size_t sample) {
  const auto network = Network::make(graph, true, Isa::kBest, 1);
  EXPECT_TRUE(network) << network.error().text();
  if (!network) return {};
  Runner runner(**network);
  Values values;
  runner.session().set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) {
    if (!buffer.affine || !values.emplace(buffer.name, plain_tensor(buffer, bytes)).second) return;
    if (known) known->see(sample, buffer, bytes);
  });
  EXPECT_TRUE(runner.run(inputs));
  return values;
}

struct Counts {
  size_t parts = 0, from_known = 0, from_inputs = 0;  // nodes computed
};

// Asks for the quantized values of a network one after the other. Some convolutions make floats, each for one reader: whether that is computed together
// with the convolution depends on who else reads them.
void compute_in_parts(uint64_t seed, Counts& counts) {
  Net net = any_net(seed);
  const Links links(net.graph);
  for (const Node& node : net.graph.nodes)
    if (std::holds_alternative<Conv>(node.op) && links.only_consumer(node.outputs[0]).valid() && net.below(2) == 0)
      net.graph.value(node.outputs[0]).type = {DType::kFloat32, net.shape(node.outputs[0]), std::nullopt};
  const Graph& graph = net.graph;
  std::vector<std::vector<Tensor>> inputs(kSamples);
  std::vector<Values> expected;
  for (size_t s = 0; s < kSamples; ++s) {
    for (ValueId input : graph.inputs) {
      inputs[s].push_back(Tensor::zeros(DType::kInt8, net.shape(input)));
      for (int8_t& x : inputs[s].back().mutable_data<int8_t>()) x = static_cast<int8_t>(net.below(256) - 128);
    }
    expected.push_back(run(graph, inputs[s], nullptr, s));
  }
  KnownValues known(kSamples);
  for (const Node& node : graph.nodes) {
    const std::string& name = graph.value(node.outputs[0]).name;
    if (!expected[0].contains(name)) continue;
    const std::set<std::string_view> names = {name};
    const auto part = known.part(graph, names);
    ASSERT_TRUE(part) << part.error().text();
    for (size_t s = 0; s < kSamples; ++s) {
      std::vector<Tensor> given;
      for (ValueId id : part->inputs) {
        const std::string& input = part->value(id).name;
        const auto own = std::ranges::find(graph.inputs, input, [&](ValueId v) { return graph.value(v).name; });
        const Tensor* tensor = own == graph.inputs.end() ? known.find(s, input) : &inputs[s][static_cast<size_t>(own - graph.inputs.begin())];
        ASSERT_TRUE(tensor) << input;
        given.push_back(*tensor);
      }
      const Values found = run(*part, given, &known, s);
      ASSERT_TRUE(found.contains(name)) << name;
      EXPECT_TRUE(found.at(name) == expected[s].at(name)) << name;
    }
    ++counts.parts;
    counts.from_known += part->nodes.size();
    counts.from_inputs += KnownValues(0).part(graph, names)->nodes.size();
  }
}

TEST(KnownValues, AnyNetworkInPartsGivesTheSame) {
  Counts counts;
  for (uint64_t seed = 0; seed < 150 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    compute_in_parts(seed, counts);
  }
  EXPECT_GT(counts.parts, 300u);
  EXPECT_LT(counts.from_known, counts.from_inputs / 2) << counts.parts << " parts, " << counts.from_known << " nodes";
}

}  // namespace
}  // namespace ht
