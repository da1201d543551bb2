// SPDX-License-Identifier: Apache-2.0
// Convolutions that write their floats in planes give what a copy of them gives.
#include "plan/planes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sessions.h"

namespace ht {
namespace {

// How many copies are saved.
std::ptrdiff_t saved_copies(Net& net) {
  const auto plans = passed(net, write_in_planes);
  if (!plans) return 0;
  const auto copies = [](const Plan& of) { return std::ranges::count(of.steps, KernelId::k_copy, &Step::kernel); };
  return copies(plans->before) - copies(plans->after);
}

TEST(Planes, OutputsOfADetector) {
  Net net(1);
  const ValueId x = net.conv(net.input({1, 3, 21, 19}), 40, 3), y = net.conv(x, 24, 3);
  net.graph.outputs = {net.float_conv(x, 85, 1), net.float_conv(y, 37, 3), net.float_conv(y, 24, 3, 4)};
  EXPECT_EQ(saved_copies(net), 3);
}

TEST(Planes, ManyPixels) {
  Net net(2);
  net.graph.outputs = {net.float_conv(net.input({1, 4, 140, 130}), 5, 1)};
  EXPECT_EQ(saved_copies(net), 1);
}

// Levels of a detector side by side: their planes are parts of wider ones.
TEST(Planes, LevelsInOneValue) {
  Net net(3);
  const ValueId x = net.conv(net.input({1, 3, 12, 10}), 16, 3);
  const ValueId y = net.add(Pool{PoolKind::kMax, {2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}}, {x});
  const ValueId large = net.add(Reshape{{1, 9, 120}}, {net.float_conv(x, 9, 1)}, std::nullopt), small = net.add(Reshape{{1, 9, 30}}, {net.float_conv(y, 9, 1)}, std::nullopt);
  net.graph.outputs = {net.add(Concat{2}, {large, small}, std::nullopt)};
  EXPECT_EQ(saved_copies(net), 1);
}

// Boxes and scores too, which are side by side in each level.
TEST(Planes, BoxesAndScoresInOneValue) {
  Net net(7);
  const ValueId x = net.conv(net.input({1, 3, 12, 10}), 16, 3);
  const ValueId y = net.add(Pool{PoolKind::kMax, {2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}}, {x});
  const auto level = [&](ValueId of, int64_t pixels) {
    return net.add(Reshape{{1, 13, pixels}}, {net.add(Concat{1}, {net.float_conv(of, 4, 1), net.float_conv(of, 9, 3)}, std::nullopt)}, std::nullopt);
  };
  net.graph.outputs = {net.add(Concat{2}, {level(x, 120), level(y, 30)}, std::nullopt)};
  EXPECT_EQ(saved_copies(net), 1);
}

std::ptrdiff_t saved_copies_of_inputs(Net& net) {
  const auto plans = passed(net, quantize_from_planes);
  return plans ? std::ssize(plans->before.steps) - std::ssize(plans->after.steps) : 0;
}

TEST(Planes, PhotosAreQuantizedToPixels) {
  for (int64_t channels : {2, 3, 4, 20}) {
    Net net(static_cast<uint64_t>(10 + channels));
    net.graph.outputs = {net.conv(net.quantize(net.float_input({1, channels, 23, 18})), 8, 3)};
    EXPECT_EQ(saved_copies_of_inputs(net), 1) << channels;
  }
}

// One channel needs no copy; several images, and values that somebody reads in planes as well, keep theirs.
TEST(Planes, OtherInputsStayCopies) {
  Net gray(20);
  gray.graph.outputs = {gray.conv(gray.quantize(gray.float_input({1, 1, 9, 8})), 8, 3)};
  EXPECT_EQ(saved_copies_of_inputs(gray), 0);

  Net images(21);
  images.graph.outputs = {images.conv(images.quantize(images.float_input({2, 3, 9, 8})), 8, 3)};
  EXPECT_EQ(saved_copies_of_inputs(images), 0);

  Net reshaped(23);  // its pixels are not the photo's
  reshaped.graph.outputs = {reshaped.conv(reshaped.add(Reshape{{1, 16, 3, 3}}, {reshaped.quantize(reshaped.float_input({1, 4, 6, 6}))}), 8, 3)};
  EXPECT_EQ(saved_copies_of_inputs(reshaped), 0);

  Net to_planes(24);  // as many channels as pixels: the copy to planes looks like one from planes
  const ValueId y = to_planes.float_conv(to_planes.input({1, 3, 4, 5}), 20, 1);
  to_planes.graph.outputs = {to_planes.quantize(to_planes.add(Unary{UnaryKind::kAbs, 0, 0}, {y}, std::nullopt))};
  EXPECT_EQ(saved_copies_of_inputs(to_planes), 0);

  Net read_twice(22);
  const ValueId x = read_twice.quantize(read_twice.float_input({1, 3, 9, 8}));
  read_twice.graph.outputs = {read_twice.conv(x, 8, 3), x};
  EXPECT_EQ(saved_copies_of_inputs(read_twice), 0);
}

// Where others read the floats channels last, where there are several images, and where what is copied is only a part.
TEST(Planes, OthersStayCopies) {
  Net read_twice(4);
  const ValueId x = read_twice.float_conv(read_twice.input({1, 3, 6, 5}), 8, 3);
  read_twice.graph.outputs = {x, read_twice.add(Pool{PoolKind::kMax, {2, 2}, {1, 1}, {1, 1}, {0, 0, 0, 0}}, {x}, std::nullopt)};
  EXPECT_EQ(saved_copies(read_twice), 0);

  Net images(5);
  images.graph.outputs = {images.float_conv(images.input({2, 3, 6, 5}), 8, 3)};
  EXPECT_EQ(saved_copies(images), 0);

  Net part(6);
  Slice op{Ints(4, 0), Ints(4, 1), {1, 5, 6, 5}};
  part.graph.outputs = {part.add(op, {part.float_conv(part.input({1, 3, 6, 5}), 8, 3)}, std::nullopt)};
  EXPECT_EQ(saved_copies(part), 0);
}

}  // namespace
}  // namespace ht
