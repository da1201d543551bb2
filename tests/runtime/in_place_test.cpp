// SPDX-License-Identifier: Apache-2.0
// Functions of floats in place, row by row behind what makes their argument, give what they give of a copy.
#include "plan/in_place.h"

#include "sessions.h"

namespace ht {
namespace {

// How many functions run with the step before them.
int64_t joined_functions(Net& net) {
  const auto plans = passed(net, compute_in_place);
  if (!plans) return 0;
  int64_t joined = 0;
  for (size_t i = 0; i < plans->after.steps.size(); ++i) joined += units_until_function(plans->after, i) > 0 ? 1 : 0;
  return joined;
}

ValueId apply(Net& net, UnaryKind kind, ValueId x) { return net.add(Unary{kind, 0, 0}, {x}, std::nullopt); }
ValueId silu(Net& net, ValueId x) { return apply(net, UnaryKind::kSilu, x); }

// 1 * 64 * 16 floats a row are whole blocks of the function, 37 * 16 are after some rows, and the last block is a short one.
TEST(InPlace, BehindConvolutions) {
  for (const int64_t width : {64, 37}) {
    Net net(static_cast<uint64_t>(width));
    const ValueId x = silu(net, net.float_conv(net.input({1, 3, 150, width}), 16, 3));
    const ValueId y = silu(net, net.conv(x, 16, 3, 16, std::nullopt));
    net.graph.outputs = {silu(net, net.float_conv(y, 16, 1))};
    EXPECT_EQ(joined_functions(net), 3) << width;
  }
}

// The second function has memory of its own, and does not write over what rows further down still read.
TEST(InPlace, OneFunctionAfterTheOther) {
  Net net(3);
  const ValueId x = net.float_conv(net.input({1, 3, 300, 64}), 16, 3);
  const ValueId y = apply(net, UnaryKind::kTanh, silu(net, net.conv(x, 16, 1, 1, std::nullopt)));
  net.graph.outputs = {net.conv(y, 4, 1, 1, std::nullopt)};
  EXPECT_EQ(joined_functions(net), 1);
}

// What is read elsewhere too, and what has too few rows for whole blocks.
TEST(InPlace, OthersStayApart) {
  Net read_twice(1);
  const ValueId x = read_twice.float_conv(read_twice.input({1, 3, 80, 64}), 16, 3);
  read_twice.graph.outputs = {silu(read_twice, x), x};
  EXPECT_EQ(joined_functions(read_twice), 0);

  Net few(2);
  few.graph.outputs = {silu(few, few.float_conv(few.input({1, 3, 5, 7}), 5, 3))};
  EXPECT_EQ(joined_functions(few), 0);
}

}  // namespace
}  // namespace ht
