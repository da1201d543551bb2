// SPDX-License-Identifier: Apache-2.0
#include "codegen/constants.h"

#include <gtest/gtest.h>

namespace ht {
namespace {

using Bytes = std::vector<uint8_t>;
const CType& kS8 = CTypeOf<int8_t>::kType;
constexpr auto kOther = ConstantKind::kOther;

TEST(Constants, EqualArraysAndBeginningsOfOthersAreThereOnce) {
  ConstantPool pool("net_");
  const Bytes three = {1, 2, 3}, five = {1, 2, 3, 4, 5}, other = {2, 3};
  pool.add("three", kS8, three, kOther);
  pool.add("five", kS8, five, kOther);
  pool.add("again", kS8, three, kOther);
  pool.add("other", kS8, other, kOther);
  pool.settle();
  EXPECT_EQ(pool.name_of(kS8, three, kOther), "net_five");
  EXPECT_EQ(pool.name_of(kS8, five, kOther), "net_five");
  EXPECT_EQ(pool.name_of(kS8, other, kOther), "net_other");
  EXPECT_EQ(pool.bytes(kOther), 7);
}

TEST(Constants, TypesAndKindsStayApart) {
  ConstantPool pool("net_");
  const Bytes bytes = {1, 0, 0, 0};
  pool.add("a", kS8, bytes, kOther);
  pool.add("a", CTypeOf<int32_t>::kType, bytes, kOther);
  pool.add("a", kS8, bytes, ConstantKind::kWeights);
  pool.settle();
  EXPECT_EQ(pool.name_of(kS8, bytes, kOther), "net_a");
  EXPECT_EQ(pool.name_of(CTypeOf<int32_t>::kType, bytes, kOther), "net_a_2");
  EXPECT_EQ(pool.name_of(kS8, bytes, ConstantKind::kWeights), "net_a_3");
  EXPECT_EQ(pool.bytes(kOther), 8);
  EXPECT_EQ(pool.declarations(), "extern const int8_t net_a[4];\nextern const int32_t net_a_2[1];\nextern const int8_t net_a_3[4];\n");
}

}  // namespace
}  // namespace ht
