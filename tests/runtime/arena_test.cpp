// SPDX-License-Identifier: Apache-2.0
// Arenas by their definition: what lives at one time shares no byte, and a network that runs in its arena computes what it did, even
// where outputs are written over inputs.
#include "plan/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bundle.h"
#include "plan/pack.h"

namespace ht {
namespace {

// The bytes in use while the step at this place of the order runs, each counted for every value and scratch memory that it belongs to.
std::vector<int> bytes_in_use(const Plan& plan, const Bundle& bundle, size_t at, bool own_inputs, bool own_outputs) {
  const ArenaPlan& arena = bundle.arena;
  std::vector<int> users(static_cast<size_t>(arena.bytes), 0);
  const auto use = [&](int64_t offset, int64_t bytes) {
    ASSERT_LE(offset + bytes, arena.bytes);
    for (int64_t i = offset; i < offset + bytes; ++i) ++users[static_cast<size_t>(i)];
  };
  std::set<size_t> before, after;  // roots that steps up to here and from here on touch
  for (size_t i = 0; i < arena.order.size(); ++i) {
    const Step& step = plan.steps[arena.order[i]];
    std::set<size_t> touched = {plan.root(step.output).index};
    for (BufferId id : step.inputs) touched.insert(plan.root(id).index);
    if (i <= at) before.insert(touched.begin(), touched.end());
    if (i >= at) after.insert(touched.begin(), touched.end());
    if (i == at && bundle.scratch_of(step) > 0) use(arena.scratch[arena.order[i]], bundle.scratch_of(step));
  }
  std::set<size_t> given, kept;
  for (BufferId id : plan.inputs) given.insert(plan.root(id).index);
  for (BufferId id : plan.outputs) kept.insert(plan.root(id).index);
  for (size_t root = 0; root < plan.buffers.size(); ++root) {
    if (plan.buffers[root].constant || (given.contains(root) && !own_inputs) || (kept.contains(root) && !own_outputs)) continue;
    const bool is_made = before.contains(root) || (given.contains(root) && after.contains(root));
    if (is_made && (after.contains(root) || kept.contains(root))) use(arena.offsets[root], plan.buffers[root].bytes());
  }
  return users;
}

TEST(Arena, WhatLivesAtOneTimeSharesNoByte) {
  for (uint64_t seed = 0; seed < 120; ++seed) {
    SCOPED_TRACE(seed);
    Net net = any_net(seed);
    const auto plan = plan_of(net);
    ArenaOptions options;
    options.alignment = seed % 3 == 0 ? 1 : 16;
    options.reorder = seed % 2 == 0;
    options.own_inputs = seed % 4 < 2;
    options.own_outputs = seed % 8 < 4;
    options.effort = 100'000;
    const Bundle bundle(plan, options);
    int64_t fullest = 0;
    for (size_t at = 0; at < plan->steps.size(); ++at) {
      const std::vector<int> users = bytes_in_use(*plan, bundle, at, options.own_inputs, options.own_outputs);
      EXPECT_TRUE(std::ranges::all_of(users, [](int count) { return count <= 1; })) << "at " << at;
      fullest = std::max<int64_t>(fullest, std::ranges::count(users, 1));
    }
    EXPECT_LE(fullest, bundle.arena.lower_bound);
    if (options.alignment == 1) {
      EXPECT_EQ(fullest, bundle.arena.lower_bound);
    }
    EXPECT_LE(bundle.arena.lower_bound, bundle.arena.bytes);
    for (int64_t offset : bundle.arena.offsets) EXPECT_TRUE(offset == ArenaPlan::kElsewhere || offset % options.alignment == 0);
    if (HasFailure()) break;
  }
}

TEST(Arena, OutputsWrittenOverInputsAreTheSame) {
  int64_t apart = 0, over = 0, bound = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    Net net = any_net(seed);
    const auto plan = plan_of(net);
    const std::vector<Tensor> inputs = inputs_of(net);
    const auto expected = Session(Placement::make(plan, Isa::kBest), 1).run(inputs);
    ASSERT_TRUE(expected);
    ArenaOptions options;
    options.alignment = seed % 2 == 0 ? 4 : 16;
    options.own_inputs = seed % 4 < 2;
    options.effort = 100'000;
    apart += Bundle(plan, options).arena.bytes;
    options.reorder = options.overlap = true;
    Bundle bundle(plan, options);
    over += bundle.arena.bytes;
    bound += bundle.arena.lower_bound;
    EXPECT_TRUE(bundle.run(inputs) == *expected);
    EXPECT_TRUE(bundle.guard_holds());
    EXPECT_LE(bundle.arena.lower_bound, bundle.arena.bytes);
    if (HasFailure()) break;
  }
  EXPECT_LT(over, apart * 85 / 100);
  EXPECT_LT(over, bound * 102 / 100);
}

TEST(Arena, AnAdditionTakesTheMemoryOfWhatItAdds) {
  Net net(5);
  const ValueId x = net.conv(net.input({1, 3, 8, 8}), 16, 3);
  net.graph.outputs = {net.conv(net.add(Binary{BinaryKind::kAdd}, {net.conv(x, 16, 1), x}), 2, 1)};
  const auto plan = plan_of(net);
  ArenaOptions options;
  options.own_inputs = false;
  const int64_t value = 16 * 8 * 8;
  EXPECT_EQ(plan_arena(*plan, options).lower_bound, 3 * value);
  options.overlap = true;
  EXPECT_EQ(plan_arena(*plan, options).lower_bound, 2 * value);
  EXPECT_EQ(plan_arena(*plan, options).bytes, 2 * value);
}

TEST(Arena, ADepthwiseConvolutionNeedsTwoRowsMore) {
  Net net(6);
  const ValueId x = net.conv(net.input({1, 3, 16, 8}), 32, 1);
  net.graph.outputs = {net.conv(net.depthwise(x, 3), 1, 1)};
  const auto plan = plan_of(net);
  ArenaOptions options;
  options.own_inputs = options.own_outputs = false;
  options.overlap = true;
  const int64_t row = 32 * 8;
  EXPECT_EQ(plan_arena(*plan, options).bytes, 16 * row + 2 * row + 3 * 32);  // and three pixels
}

TEST(Arena, TwoBranchesRunOneAfterTheOther) {
  // Both wide values would live at one time in the plan's order, which makes one layer of each branch in turn.
  Net net(7);
  const ValueId x = net.input({1, 1, 8, 8});
  const ValueId a = net.conv(x, 64, 1), b = net.conv(x, 64, 1);
  net.graph.outputs = {net.add(Binary{BinaryKind::kAdd}, {net.conv(a, 1, 1), net.conv(b, 1, 1)})};
  const auto plan = plan_of(net);
  ArenaOptions options;
  const ArenaPlan own = plan_arena(*plan, options);
  options.reorder = true;
  const ArenaPlan best = plan_arena(*plan, options);
  EXPECT_GT(own.bytes, 2 * 64 * 64);
  EXPECT_LT(best.bytes, 2 * 64 * 64);
  EXPECT_NE(best.order, own.order);
}

TEST(Arena, ThousandsOfValuesAliveAtOnceTakeLittleTimeAndMemory) {
  constexpr int kCount = 20'000;
  Net net(1);
  const ValueId x = net.input({1, 4});
  for (int i = 0; i < kCount; ++i) net.graph.outputs.push_back(net.add(Unary{UnaryKind::kNeg}, {x}));
  const auto plan = plan_of(net);
  ArenaOptions options;
  options.reorder = true;
  const ArenaPlan arena = plan_arena(*plan, options);
  EXPECT_EQ(arena.bytes, (kCount + 1) * options.alignment);
  std::set<int64_t> offsets(arena.offsets.begin(), arena.offsets.end());
  EXPECT_EQ(std::ssize(offsets), kCount + 1);
}

TEST(Pack, InOrderWhatLivesAtOneTimeLiesApartAndPlacesAreUsedAgain) {
  std::mt19937_64 engine(2);
  const auto below = [&](uint64_t n) { return static_cast<size_t>(engine() % n); };
  for (int round = 0; round < 200; ++round) {
    std::vector<PackedItem> items;
    int64_t sum = 0;
    for (size_t i = 0; i < 60; ++i) {
      const size_t first = below(40);
      items.push_back({static_cast<int64_t>(below(9)), first, first + below(4), {}});
      sum += items.back().bytes;
    }
    const Packing packing = pack_in_order(items);
    for (size_t i = 0; i < items.size(); ++i) {
      EXPECT_GE(packing.offsets[i], 0);
      EXPECT_LE(packing.offsets[i] + items[i].bytes, packing.bytes);
      for (size_t k = 0; k < i; ++k) {
        const bool meet = items[i].first <= items[k].last && items[k].first <= items[i].last;
        const bool share = packing.offsets[i] < packing.offsets[k] + items[k].bytes && packing.offsets[k] < packing.offsets[i] + items[i].bytes;
        EXPECT_FALSE(meet && share && items[i].bytes > 0 && items[k].bytes > 0) << round << ": " << i << " and " << k;
      }
    }
    EXPECT_LT(packing.bytes, sum / 2);
  }
}

// Against all orders of placement, of which one gives the best packing.
TEST(Pack, FewThingsArePackedBest) {
  std::mt19937_64 engine(1);
  const auto below = [&](uint64_t n) { return static_cast<size_t>(engine() % n); };
  for (int round = 0; round < 100; ++round) {
    std::vector<PackedItem> items;
    for (size_t i = 0; i < 6; ++i) {
      const size_t first = below(6);
      items.push_back({static_cast<int64_t>(1 + below(9)), first, first + below(4), {}});
    }
    for (size_t i = 0; i < items.size(); ++i)
      for (size_t k = 0; k < items.size(); ++k)
        if (i != k && items[i].first <= items[k].last && items[k].first <= items[i].last)
          items[i].conflicts.push_back({k, items[i].bytes, items[k].bytes});
    std::vector<size_t> order = {0, 1, 2, 3, 4, 5};
    int64_t best = INT64_MAX;
    do {
      std::vector<int64_t> offsets(items.size(), -1);
      int64_t bytes = 0;
      for (size_t i : order) {
        const auto collides = [&](int64_t at) {
          return std::ranges::any_of(items[i].conflicts, [&](const Conflict& c) {
            return offsets[c.other] >= 0 && at < offsets[c.other] + items[c.other].bytes && offsets[c.other] < at + items[i].bytes;
          });
        };
        for (offsets[i] = -1; offsets[i] < 0;)
          for (int64_t at = 0; offsets[i] < 0; ++at)
            if (!collides(at)) offsets[i] = at;
        bytes = std::max(bytes, offsets[i] + items[i].bytes);
      }
      best = std::min(best, bytes);
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(pack(items, 0, 100'000).bytes, best) << round;
  }
}

}  // namespace
}  // namespace ht
