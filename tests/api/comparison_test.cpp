// SPDX-License-Identifier: Apache-2.0
#include "api/comparison.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>

#include "api/dump.h"
#include "base/file.h"
#include "base/new_folder.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

Tensor floats(const Shape& shape, std::vector<float> values) { return Tensor::of_floats(shape, values); }

TEST(Difference, IsOfAllSamplesAndOfEachChannel) {
  Difference first, second;
  ASSERT_TRUE(first.add(floats({1, 2, 2}, {3, 4, 0, 1}), floats({1, 2, 2}, {3, 4, 0, 2})));
  ASSERT_TRUE(second.add(floats({1, 2, 2}, {1, 0, 1, 0}), floats({1, 2, 2}, {1, 1, 1, 0})));
  first.merge(second);
  EXPECT_FALSE(first.is_equal());
  EXPECT_DOUBLE_EQ(*first.total().snr_db(), 10 * std::log10(28.0 / 2.0));
  EXPECT_EQ(first.total().max_error, 1);
  const auto worst = first.worst_channel();
  ASSERT_TRUE(worst);
  EXPECT_EQ(worst->channel, 1);  // 2 over 1, while the other one has 26 over 1
  EXPECT_DOUBLE_EQ(*worst->snr_db, 10 * std::log10(2.0));
  EXPECT_DOUBLE_EQ(*worst->noise_share, 0.5);
}

TEST(Difference, OfEqualNumbersIsNone) {
  Difference difference;
  ASSERT_TRUE(difference.add(floats({1, 1, 3}, {0, -1, NAN}), floats({1, 1, 3}, {-0.0f, -1, NAN})));
  EXPECT_TRUE(difference.is_equal());
  Difference integers;
  const std::vector<int64_t> a = {1, int64_t{1} << 60}, b = {1, (int64_t{1} << 60) + 1};
  ASSERT_TRUE(integers.add(Tensor::of_int64s(a), Tensor::of_int64s(b)));
  EXPECT_FALSE(integers.is_equal());  // although they are the same as floats
  EXPECT_FALSE(integers.worst_channel());
}

TEST(Difference, ChannelsThatAreNotFiniteAreWorst) {
  Difference difference;
  ASSERT_TRUE(difference.add(floats({1, 3}, {1, 1, 1}), floats({1, 3}, {9, INFINITY, 1})));
  EXPECT_EQ(difference.worst_channel()->channel, 1);
  EXPECT_FALSE(difference.worst_channel()->snr_db);
  EXPECT_FALSE(difference.worst_channel()->noise_share);
}

TEST(FileNames, AreSafeAndDifferent) {
  FileNames names;
  EXPECT_EQ(names.make("a/b"), "a_b");
  EXPECT_EQ(names.make("a:b"), "a_b-2");
  EXPECT_EQ(names.make("A_B"), "A_B-3");
  EXPECT_EQ(names.make("a_b-2"), "a_b-2-2");
  EXPECT_EQ(names.make(""), "_");
  EXPECT_EQ(names.make("../.."), "_.._..");
  EXPECT_EQ(names.make(std::string("x\0y", 3)), "x_y");
  EXPECT_LT(names.make(std::string(5000, 'x')).size(), 200u);
}

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / fmt::format("halftone_folder_{}", ::getpid());
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  size_t entries() const { return static_cast<size_t>(std::distance(fs::directory_iterator(root_), fs::directory_iterator())); }
  static bool never(const fs::path&) { return false; }
  static bool always(const fs::path&) { return true; }
  fs::path root_;
};

TEST_F(Folder, AppearsWholeOrNotAtAll) {
  {
    auto folder = NewFolder::make(root_ / "new", never);
    ASSERT_TRUE(folder);
    ASSERT_TRUE(write_file(folder->place() / "x", std::string_view("1")));
    EXPECT_FALSE(fs::exists(root_ / "new"));
  }
  EXPECT_EQ(entries(), 0u);
  auto folder = NewFolder::make(root_ / "new", never);
  ASSERT_TRUE(write_file(folder->place() / "x", std::string_view("2")));
  ASSERT_TRUE(folder->commit());
  EXPECT_TRUE(fs::exists(root_ / "new" / "x"));
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Folder, ReplacesOnlyWhatMayBe) {
  fs::create_directories(root_ / "old");
  ASSERT_TRUE(write_file(root_ / "old" / "x", std::string_view("1")));
  EXPECT_FALSE(NewFolder::make(root_ / "old", never));
  EXPECT_FALSE(NewFolder::make(root_ / "old" / "x", always));
  EXPECT_FALSE(NewFolder::make(root_ / "old" / "..", always));
  auto folder = NewFolder::make(root_ / "old" / "", always);
  ASSERT_TRUE(folder) << folder.error().text();
  ASSERT_TRUE(write_file(folder->place() / "y", std::string_view("2")));
  ASSERT_TRUE(folder->commit());
  EXPECT_FALSE(fs::exists(root_ / "old" / "x"));
  EXPECT_TRUE(fs::exists(root_ / "old" / "y"));
  EXPECT_EQ(entries(), 1u);
}

}  // namespace
}  // namespace ht
