// SPDX-License-Identifier: Apache-2.0
#include "plan/patches.h"

#include <gtest/gtest.h>

#include "row_net.h"

namespace ht {
namespace {

// Inverted residuals from a large image down to a small one.
RowNet detector(uint64_t seed) {
  RowNet net(seed);
  const auto half = [&](ValueId x, int64_t channels) {
    const ValueId weights = net.constant(DType::kInt8, {channels, net.shape(x)[1], 3, 3}, *Affine::per_tensor(0.01f));
    return net.add(Conv{{2, 2}, {1, 1}, {1, 1, 1, 1}, 1}, {x, weights});
  };
  const auto residual = [&](ValueId x) {
    const int64_t channels = net.shape(x)[1];
    return net.add(Binary{BinaryKind::kAdd}, {x, net.conv(net.depthwise(net.conv(x, 3 * channels, 1), 3), channels, 1)});
  };
  ValueId x = half(net.input({1, 3, 64, 48}), 8);
  x = residual(half(residual(x), 12));
  x = residual(half(x, 24));
  net.graph.outputs = {net.conv(x, 4, 1)};
  return net;
}

PatchOptions options_of() {
  PatchOptions options;
  options.arena.reorder = options.arena.overlap = true;
  options.arena.own_inputs = options.arena.own_outputs = false;
  options.arena.effort = 1'000'000;
  return options;
}

void expect_same(RowNet& net, const Plan& plan, const PatchedPlan& patched) {
  const std::vector<Tensor> inputs = inputs_of(net);
  const auto expected = Session(Placement::make(std::make_shared<const Plan>(plan), Isa::kBest), 1).run(inputs);
  ASSERT_TRUE(expected);
  for (int threads : {1, 2}) {
    const auto found = Session(Placement::make(std::make_shared<const Plan>(patched.plan), Isa::kBest), threads).run(inputs);
    ASSERT_TRUE(found);
    EXPECT_TRUE(*found == *expected) << threads;
  }
}

TEST(Patches, HalveADetectorsMemoryAndMore) {
  RowNet net = detector(1);
  const auto plan = plan_of(net);
  const auto patched = patch_plan(*plan, options_of());
  ASSERT_TRUE(patched);
  EXPECT_GT(patched->bands.size(), 1u);
  EXPECT_LT(2 * patched->arena.bytes, patched->whole.bytes);
  EXPECT_LE(patched->arena.bytes, patched->arena.lower_bound * 105 / 100);
  expect_same(net, *plan, *patched);
  int64_t macs = -patched->extra_macs;
  for (const Step& step : patched->plan.steps) macs += step.macs;
  for (const Step& step : plan->steps) macs -= step.macs;
  EXPECT_EQ(macs, 0);
}

TEST(Patches, TakeNoMoreThanAnArenaThatFits) {
  RowNet net = detector(2);
  const auto plan = plan_of(net);
  PatchOptions options = options_of();
  const auto least = patch_plan(*plan, options);
  ASSERT_TRUE(least);
  options.max_ram_bytes = least->whole.bytes;
  const auto whole = patch_plan(*plan, options);
  ASSERT_TRUE(whole);
  EXPECT_TRUE(whole->bands.empty());
  options.max_ram_bytes = (least->whole.bytes + least->arena.bytes) / 2;
  const auto between = patch_plan(*plan, options);
  ASSERT_TRUE(between);
  EXPECT_LE(between->arena.bytes, options.max_ram_bytes);
  EXPECT_LE(between->extra_macs, least->extra_macs);
  EXPECT_LE(between->plan.steps.size(), least->plan.steps.size());
  expect_same(net, *plan, *between);
}

TEST(Patches, AreAsManyAsAskedForOrAnError) {
  RowNet net = detector(3);
  const auto plan = plan_of(net);
  PatchOptions options = options_of();
  for (int64_t bands : {2, 4, 8}) {
    options.bands = bands;
    const auto patched = patch_plan(*plan, options);
    ASSERT_TRUE(patched);
    EXPECT_EQ(patched->bands.size(), static_cast<size_t>(bands));
    expect_same(net, *plan, *patched);
  }
  options.bands = 1000;
  EXPECT_FALSE(patch_plan(*plan, options));
}

TEST(Patches, ComputeNothingAgainWhereTheyMayNot) {
  RowNet net = detector(4);
  const auto plan = plan_of(net);
  PatchOptions options = options_of();
  options.max_extra_macs = 0;
  const auto patched = patch_plan(*plan, options);
  ASSERT_TRUE(patched);
  EXPECT_LE(patched->extra_macs, 0);
  expect_same(net, *plan, *patched);
}

}  // namespace
}  // namespace ht
