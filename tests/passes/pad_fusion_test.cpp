// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "evaluate.h"
#include "passes/passes.h"

namespace ht {
namespace {

Graph padded(const std::string& before, const std::string& pad, const std::string& size, const std::string& consumer) {
  return graph_of(
      "graph \"g\" {\n  input %x : f32[1x2x6x6]\n  const %w : f32[1x2x3x1] = [1, -2, 3, 0.5, 2, 1]\n  %a : f32[1x2x6x6] = " +
      before + " @\"a\"\n  %p : f32[1x2x" + size + "] = Pad(%a) {" + pad + "} @\"p\"\n" + consumer + "  output %y\n}\n");
}

const std::string kTanh = "Unary(%x) {kind = Tanh}", kRelu = "Unary(%x)";
const std::string kOnes = "pads = [0, 0, 1, 1, 0, 0, 1, 1]";

TEST(PadFusion, IntoAConvolution) {
  const Graph after = expect_kept(
      padded(kTanh, "pads = [0, 0, 0, 1, 0, 0, 2, 3]", "8x10",
             "  %y : f32[1x1x4x10] = Conv(%p, %w, _) {strides = [2, 1], dilations = [1, 1], pads = [1, 0, 0, 0]} @\"y\"\n"),
      pad_fusion);
  EXPECT_EQ(after.nodes.size(), 2u);
  EXPECT_EQ(std::get<Conv>(after.nodes[1].op).pads, (Ints{1, 1, 2, 3}));
}

TEST(PadFusion, IntoAnAverage) {
  const std::string pool =
      "  %y : f32[1x2x3x3] = Pool(%p) {kind = AveragePool, kernel = [3, 3], strides = [2, 2], dilations = [1, 1], pads = [0, 0, "
      "0, 0]} @\"y\"\n";
  const Graph after = expect_kept(padded(kTanh, kOnes, "8x8", pool), pad_fusion);
  EXPECT_TRUE(std::get<Pool>(after.nodes[1].op).count_include_pad);
  const std::string rounded =
      "  %y : f32[1x2x4x4] = Pool(%p) {kind = AveragePool, kernel = [3, 3], strides = [2, 2], dilations = [1, 1], pads = [0, 0, "
      "0, 0], ceil_mode = true} @\"y\"\n";
  expect_kept(padded(kTanh, kOnes, "8x8", rounded), pad_fusion);
}

TEST(PadFusion, IntoAMaximumOfWhatIsNeverNegative) {
  const std::string pool =
      "  %y : f32[1x2x3x3] = Pool(%p) {kernel = [3, 3], strides = [2, 2], dilations = [1, 1], pads = [0, 0, 0, 0]} @\"y\"\n";
  EXPECT_EQ(expect_kept(padded(kRelu, kOnes, "8x8", pool), pad_fusion).nodes.size(), 2u);
  EXPECT_EQ(expect_kept(padded(kTanh, kOnes + ", value = -inf", "8x8", pool), pad_fusion).nodes.size(), 2u);
  expect_unchanged(padded(kTanh, kOnes, "8x8", pool), pad_fusion);
}

TEST(PadFusion, LeavesOtherPadsAlone) {
  const std::string conv =
      "  %y : f32[1x1x6x8] = Conv(%p, %w, _) {strides = [1, 1], dilations = [1, 1], pads = [0, 0, 0, 0]} @\"y\"\n";
  expect_unchanged(padded(kTanh, kOnes + ", value = 1", "8x8", conv), pad_fusion);
  expect_unchanged(padded(kTanh, "mode = reflect, " + kOnes, "8x8", conv), pad_fusion);
  const std::string cropped =
      "  %y : f32[1x1x5x5] = Conv(%p, %w, _) {strides = [1, 1], dilations = [1, 1], pads = [1, 0, 1, 0]} @\"y\"\n";
  expect_unchanged(padded(kTanh, "pads = [0, 0, -1, 0, 0, 0, 0, -1]", "5x5", cropped), pad_fusion);
}

}  // namespace
}  // namespace ht
