// SPDX-License-Identifier: Apache-2.0
#include "kernels/self_check.h"

#include <gtest/gtest.h>

#include "kernels/kernel_list.h"

namespace ht::test {
namespace {

TEST(SelfCheck, VariantsOfEveryKernelAgree) {
#define HT_CHECK(name, params) EXPECT_TRUE(variants_agree(#name)) << #name;
  HT_KERNELS(HT_CHECK)
#undef HT_CHECK
}

TEST(SelfCheck, UnknownKernelsDoNot) { EXPECT_FALSE(variants_agree("no_such_kernel")); }

}  // namespace
}  // namespace ht::test
