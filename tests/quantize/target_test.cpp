// SPDX-License-Identifier: Apache-2.0
#include "quantize/target.h"

#include <gtest/gtest.h>

namespace ht {
namespace {

TEST(Target, EveryBuiltInOneCanBeRead) {
  EXPECT_GE(target_names().size(), 4u);
  for (const std::string_view name : target_names()) {
    const auto target = find_target(name);
    ASSERT_TRUE(target) << name << ": " << target.error().message;
    EXPECT_EQ(target->name, name);
  }
}

TEST(Target, OpenvinoHasScalesAChannelBeforeDepthwiseConvolutions) {
  const auto target = find_target("openvino");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->channel_scales, ChannelScales::kDepthwise);
  EXPECT_EQ(target->activations, DType::kUint8);
  EXPECT_FALSE(target->quantize_before_activation);
}

TEST(Target, WhatIsNotKnownIsRefusedByItsKey) {
  const std::string good = "name = \"x\"\nactivations = \"i8\"\nrequantization = \"float-half-even\"\n";
  ASSERT_TRUE(parse_target(good));
  const auto refused = [&](const std::string& text, const std::string& key) {
    const auto target = parse_target(text);
    return !target && target.error().message.find(key) != std::string::npos;
  };
  EXPECT_TRUE(refused("activations = \"i8\"\nrequantization = \"float-half-even\"\n", "name"));
  EXPECT_TRUE(refused("name = \"x\"\nrequantization = \"float-half-even\"\n", "activations"));
  EXPECT_TRUE(refused("name = \"x\"\nactivations = \"f32\"\nrequantization = \"float-half-even\"\n", "activations"));
  EXPECT_TRUE(refused("name = \"x\"\nactivations = \"i8\"\nrequantization = \"shift\"\n", "requantization"));
  EXPECT_TRUE(refused(good + "channel_scales = \"sometimes\"\n", "channel_scales"));
  EXPECT_TRUE(refused(good + "float_share = 1.5\n", "float_share"));
  EXPECT_TRUE(refused(good + "symmetric = \"yes\"\n", "symmetric"));
  EXPECT_TRUE(refused(good + "short_multipliers = 1\n", "short_multipliers"));
  EXPECT_TRUE(refused(good + "symetric = true\n", "symetric"));
  EXPECT_TRUE(refused("name =", "parsed"));
}

}  // namespace
}  // namespace ht
