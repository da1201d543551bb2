// SPDX-License-Identifier: Apache-2.0
#include "random_network.h"

#include <gtest/gtest.h>

#include <map>

#include "ops/ops.h"
#include "ops/prepare.h"

namespace ht {
namespace {

TEST(RandomNetwork, ReachesEveryFamilyAndEveryKernel) {
  std::map<std::string_view, int> families, kernels;
  for (const OpFacets& facets : op_facets()) families[facets.name];
#define HT_COUNT(name, params) kernels[#name];
  HT_KERNELS(HT_COUNT)
#undef HT_COUNT
  kernels.erase("softmax");  // no plan has it
  for (uint64_t seed = 0; seed < 500; ++seed) {
    const Graph graph = RandomNetwork::make(seed);
    ASSERT_FALSE(graph.nodes.empty()) << seed;
    for (const Node& node : graph.nodes) ++families.at(facets_of(node.op).name);
    const auto plan = make_plan(graph);
    ASSERT_TRUE(plan) << seed << ": " << plan.error().text();
    for (const Step& step : plan->steps) ++kernels.at(kernel_name(step.kernel));
  }
  for (const auto& [name, count] : families) EXPECT_GE(count, 5) << name;
  for (const auto& [name, count] : kernels) EXPECT_GE(count, 5) << name;
}

}  // namespace
}  // namespace ht
