// SPDX-License-Identifier: Apache-2.0
// Threads that share out a convolution's output channels give what one thread gives for all.
#include <gtest/gtest.h>

#include "plan/planes.h"
#include "sessions.h"

namespace ht {
namespace {

// More weights than inputs, and channels enough for each of three threads.
Net deep_net() {
  Net net(1);
  const ValueId x = net.conv(net.input({1, 70, 5, 4}), 401, 1);    // weights that stay near a core
  const ValueId y = net.conv(x, 300, 3), z = net.conv(x, 310, 1);  // weights that do not
  const ValueId wide = net.add(Concat{1}, {y, z});                 // outputs in a wider value
  net.graph.outputs = {net.float_conv(wide, 333, 1), net.conv(wide, 320, 1, 2),
                       y};  // floats in planes; groups, which are not shared out
  return net;
}

TEST(ChannelsOfConvolutions, AreSharedOutWithoutADifference) {
  Net net = deep_net();
  const auto plans = passed(net, write_in_planes);
  ASSERT_TRUE(plans);
  const auto placement = Placement::make(std::make_shared<const Plan>(plans->after), Isa::kBest);
  const auto is_deep = [](const auto& step) { return step->channel_blocks() >= 9; };
  EXPECT_EQ(std::ranges::count_if(placement->steps(), is_deep), 4);
}

TEST(ChannelsOfConvolutions, OfASessionThatHasMoved) {
  Net net = deep_net();
  const auto plan = make_plan(net.graph);
  ASSERT_TRUE(plan);
  const auto placement = Placement::make(std::make_shared<const Plan>(*plan), Isa::kBest);
  const std::vector<Tensor> inputs = inputs_of(net);
  Session first(placement, 2);
  const auto expected = first.run(inputs);
  ASSERT_TRUE(expected);
  Session second = std::move(first);
  const auto moved = second.run(inputs);
  ASSERT_TRUE(moved);
  EXPECT_TRUE(*moved == *expected);
}

}  // namespace
}  // namespace ht
