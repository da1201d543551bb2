// SPDX-License-Identifier: Apache-2.0
#include "codegen/bundle_name.h"

#include <gtest/gtest.h>

namespace ht {
namespace {

TEST(BundleName, IsTheModelsWhereItIsFree) {
  for (const std::string name : {"net", "street", "htx", "tests", "arm_net", "all_of"}) EXPECT_EQ(bundle_name(name), name);
  EXPECT_EQ(bundle_name("my net.v2"), "my_net_v2");
}

TEST(BundleName, IsNoHeaderTargetNorKernel) {
  for (const std::string name : {"stdint", "stddef", "features", "Math", "arm_mve", "test", "all", "clean", "help", "Install", "ht", "HT", "ht_conv", "Ht_x"})
    EXPECT_EQ(bundle_name(name), name + "_net");
  EXPECT_EQ(bundle_name("std/int"), "std_int");
  EXPECT_EQ(bundle_name("_test_"), "test_net");
}

}  // namespace
}  // namespace ht
