// SPDX-License-Identifier: Apache-2.0
#include "passes/passes.h"

#include <gtest/gtest.h>

#include "evaluate.h"

namespace ht {
namespace {

constexpr std::string_view kNetwork = R"(graph "g" {
  input %x : f32[1x2x4x4]
  const %w : f32[2x2x1x1] = [1, -2, 3, 0.5]
  const %two : f32[] = [2]
  %t : f32[1x2x4x4] = Transpose(%x) {permutation = [0, 1, 2, 3]} @"t"
  %c : f32[1x2x4x4] = Conv(%t, %w, _) {strides = [1, 1], dilations = [1, 1], pads = [0, 0, 0, 0]} @"conv"
  %m : f32[1x2x4x4] = Binary(%c, %two) {kind = Mul} @"m"
  %s : f32[1x2x4x4] = Unary(%m) {kind = Sigmoid} @"s"
  %y : f32[1x2x4x4] = Binary(%s, %m) {kind = Mul} @"y"
  output %y
  output %x
  output %two
})";

TEST(Passes, RunInOrderAndKeepTheMeaning) {
  const auto run_all = [](Graph& graph) -> Result<bool> {
    const Graph before = graph;
    HT_TRY(run_passes(graph));
    return !(graph == before);
  };
  const Graph after = expect_kept(graph_of(kNetwork), run_all);
  EXPECT_EQ(after.nodes.size(), 2u);
  EXPECT_EQ(count_nodes(after, "Silu"), 1);
}

TEST(Passes, CanBeDisabledAndWatched) {
  Graph graph = graph_of(kNetwork);
  int dumps = 0;
  PassOptions options;
  options.disabled = {"activation-recognition"};
  options.dump_after = "movement-cleanup";
  options.on_dump = [&](std::string_view pass, const Graph& dumped) {
    ++dumps;
    EXPECT_EQ(pass, "movement-cleanup");
    EXPECT_EQ(count_nodes(dumped, "Transpose"), 0);
    EXPECT_EQ(count_nodes(dumped, "Mul"), 2);
  };
  ASSERT_TRUE(run_passes(graph, options));
  EXPECT_EQ(dumps, 1);
  EXPECT_EQ(count_nodes(graph, "Sigmoid"), 1);
  EXPECT_EQ(count_nodes(graph, "Mul"), 1);
}

TEST(Passes, UnknownNamesAreUsageErrors) {
  Graph graph = graph_of(kNetwork);
  for (const PassOptions& options : {PassOptions{{"fold-everything"}, "", {}}, PassOptions{{}, "fold-everything", {}}}) {
    const auto status = run_passes(graph, options);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kUsage);
    EXPECT_NE(status.error().message.find("batch-norm-folding"), std::string::npos);
  }
}

}  // namespace
}  // namespace ht
