// SPDX-License-Identifier: Apache-2.0
#include "codegen/constants.h"

#include <gtest/gtest.h>

namespace ht {
namespace {

using Bytes = std::vector<uint8_t>;
const CType& kS8 = CTypeOf<int8_t>::kType;

TEST(Constants, EqualArraysAndBeginningsOfOthersAreThereOnce) {
  ConstantPool pool("net_");
  const Bytes three = {1, 2, 3}, five = {1, 2, 3, 4, 5}, other = {2, 3};
  pool.add("three", kS8, three);
  pool.add("five", kS8, five);
  pool.add("again", kS8, three);
  pool.add("other", kS8, other);
  pool.settle();
  EXPECT_EQ(pool.name_of(kS8, three), "net_five");
  EXPECT_EQ(pool.name_of(kS8, five), "net_five");
  EXPECT_EQ(pool.name_of(kS8, other), "net_other");
  EXPECT_EQ(pool.bytes(), 7);
}

TEST(Constants, TypesStayApart) {
  ConstantPool pool("net_");
  const Bytes bytes = {1, 0, 0, 0};
  pool.add("a", kS8, bytes);
  pool.add("a", CTypeOf<int32_t>::kType, bytes);
  pool.settle();
  EXPECT_EQ(pool.name_of(kS8, bytes), "net_a");
  EXPECT_EQ(pool.name_of(CTypeOf<int32_t>::kType, bytes), "net_a_2");
  EXPECT_EQ(pool.bytes(), 8);
  EXPECT_EQ(pool.declarations(), "extern const int8_t net_a[4];\nextern const int32_t net_a_2[1];\n");
}

}  // namespace
}  // namespace ht
