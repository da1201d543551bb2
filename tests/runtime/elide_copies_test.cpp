// SPDX-License-Identifier: Apache-2.0
// A plan whose copies are elided computes what the same plan with its copies does, in every value.
#include "plan/elide_copies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "net.h"
#include "ops/prepare.h"
#include "runtime/session.h"

namespace ht {
namespace {

std::ptrdiff_t copies(const Plan& plan) { return std::ranges::count(plan.steps, KernelId::k_copy, &Step::kernel); }

using Values = std::map<std::string, std::vector<uint8_t>>;

struct Run {
  std::vector<Tensor> outputs;
  Values values;
};

Run run(Plan plan, std::span<const Tensor> inputs, int threads) {
  Session session(Placement::make(std::make_shared<const Plan>(std::move(plan)), Isa::kBest), threads);
  Run result;
  session.set_observer([&](const Buffer& buffer, std::span<uint8_t> bytes) { result.values[buffer.name].assign(bytes.begin(), bytes.end()); });
  auto outputs = session.run(inputs);
  EXPECT_TRUE(outputs);
  result.outputs = *std::move(outputs);
  session.set_observer({});
  EXPECT_TRUE(*session.run(inputs) == result.outputs);
  return result;
}

struct Counts {
  std::ptrdiff_t before, after;
};

// Runs the network with its copies and without, and says how many there were.
Counts check(Net& net) {
  const auto plan = make_plan(net.graph);
  if (!plan) return ADD_FAILURE() << plan.error().text(), Counts{};
  Plan elided = *plan;
  elide_copies(elided);
  const std::vector<Tensor> inputs = inputs_of(net);
  const Run expected = run(*plan, inputs, 1);
  for (int threads : {1, 2}) {
    const Run found = run(elided, inputs, threads);
    EXPECT_TRUE(found.outputs == expected.outputs);
    for (const auto& [name, bytes] : expected.values) EXPECT_TRUE(found.values.at(name) == bytes) << name;
  }
  return {copies(*plan), copies(elided)};
}

// Layouts of inputs and outputs are the only copies left.
constexpr std::ptrdiff_t kEnds = 2;

TEST(ElideCopies, ConvolutionsWriteIntoTheirConcatenation) {
  Net net(1);
  const ValueId x = net.conv(net.input({1, 3, 6, 5}), 8, 3);
  const ValueId joined = net.add(Concat{1}, {net.conv(x, 5, 1), x, net.depthwise(x, 3), net.add(Pool{PoolKind::kMax, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}}, {x})});
  net.graph.outputs = {net.conv(joined, 7, 1)};
  const Counts counts = check(net);
  EXPECT_EQ(counts.before, kEnds + 4);
  EXPECT_EQ(counts.after, kEnds);
}

TEST(ElideCopies, ConvolutionsReadPartsOfASplit) {
  Net net(2);
  const ValueId x = net.conv(net.input({2, 3, 6, 5}), 12, 3);
  const ValueId left = net.slice(x, 1, 0, 1, 5), right = net.slice(x, 1, 5, 1, 7);
  net.graph.outputs = {net.add(Concat{1}, {net.conv(right, 6, 3), net.depthwise(left, 3)})};
  const Counts counts = check(net);
  EXPECT_EQ(counts.before, kEnds + 4);
  EXPECT_EQ(counts.after, kEnds);
}

TEST(ElideCopies, OneOfTwoConcatenationsIsCopied) {
  Net net(3);
  const ValueId x = net.conv(net.input({1, 3, 4, 4}), 8, 3), y = net.conv(x, 4, 1);
  const ValueId first = net.add(Concat{1}, {x, y}), second = net.add(Concat{1}, {y, y, x});
  net.graph.outputs = {net.conv(first, 3, 1), net.conv(second, 3, 1)};
  const Counts counts = check(net);
  EXPECT_EQ(counts.before - counts.after, 2);
}

// What is put into a copy must not show in what was copied, and what fills the border must not come over what lies inside.
TEST(ElideCopies, WhatIsChangedStaysACopy) {
  Net net(5);
  const ValueId x = net.conv(net.input({1, 4, 6, 5}), 4, 3);
  Tensor rows = Tensor::zeros(DType::kInt64, {1, 4, 6, 5});
  for (int64_t& row : rows.mutable_data<int64_t>()) row = net.below(6);
  const ValueId indices = net.graph.add_constant("rows", rows);
  net.graph.outputs = {net.add(ScatterElements{2}, {x, indices, x})};
  check(net);

  Net padded(6);
  const ValueId y = padded.conv(padded.input({1, 4, 6, 5}), 4, 3);
  padded.graph.outputs = {padded.add(Pad{PadMode::kConstant, {0, 0, 1, 0, 0, 0, 2, 0}, 0.5f}, {y}), padded.add(Pad{PadMode::kConstant, Ints(8, 0), 0.5f}, {y})};
  check(padded);
}

TEST(ElideCopies, AnOutputAndAnInputKeepTheirMemory) {
  Net net(4);
  const ValueId x = net.input({1, 3, 4, 4}), y = net.conv(x, 4, 1);
  net.graph.outputs = {y, net.add(Concat{1}, {y, x})};
  check(net);
}

// Any network of operators that move elements between some that compute.
TEST(ElideCopies, AnyNetworkComputesTheSame) {
  Counts all{};
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    Net net = any_net(seed);
    const Counts counts = check(net);
    all.before += counts.before;
    all.after += counts.after;
    if (HasFailure()) break;
  }
  EXPECT_LT(all.after, all.before * 3 / 4) << all.before;
}

}  // namespace
}  // namespace ht
