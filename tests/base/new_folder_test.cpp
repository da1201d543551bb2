// SPDX-License-Identifier: Apache-2.0
#include "base/new_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/temporary_folder.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

void put(const fs::path& file) { std::ofstream(file) << "text"; }

bool always(const fs::path&) { return true; }

size_t entries(const fs::path& folder) { return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {})); }

TEST(NewFolder, AppearsWhole) {
  const auto around = TemporaryFolder::make();
  ASSERT_TRUE(around);
  const fs::path path = around->path() / "made";
  {
    auto folder = NewFolder::make(path, always);
    ASSERT_TRUE(folder) << folder.error().text();
    put(folder->place() / "file");
    EXPECT_FALSE(fs::exists(path));
    ASSERT_TRUE(folder->commit());
  }
  EXPECT_TRUE(fs::exists(path / "file"));
  EXPECT_EQ(entries(around->path()), 1u);
}

TEST(NewFolder, GoesWhereALinkPoints) {
  const auto around = TemporaryFolder::make();
  ASSERT_TRUE(around);
  const fs::path real = around->path() / "real", link = around->path() / "link";
  fs::create_directory(real);
  put(real / "old");
  fs::create_directory_symlink("real", link);
  {
    auto folder = NewFolder::make(link / "", always);
    ASSERT_TRUE(folder) << folder.error().text();
    put(folder->place() / "new");
    const Status done = folder->commit();
    ASSERT_TRUE(done) << done.error().text();
  }
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_TRUE(fs::exists(real / "new"));
  EXPECT_FALSE(fs::exists(real / "old"));
  EXPECT_EQ(entries(around->path()), 2u);
}

TEST(NewFolder, RefusesLinksToNothing) {
  const auto around = TemporaryFolder::make();
  ASSERT_TRUE(around);
  fs::create_symlink("nothing", around->path() / "link");
  fs::create_symlink("loop", around->path() / "loop");
  EXPECT_FALSE(NewFolder::make(around->path() / "link", always));
  EXPECT_FALSE(NewFolder::make(around->path() / "loop", always));
  EXPECT_EQ(entries(around->path()), 2u);
}

// What stands under the name became a link meanwhile, which does not replace a folder.
TEST(NewFolder, LeavesNothingWhereItFails) {
  const auto around = TemporaryFolder::make();
  ASSERT_TRUE(around);
  const fs::path path = around->path() / "made", real = around->path() / "real";
  fs::create_directory(real);
  put(real / "file");
  {
    auto folder = NewFolder::make(path, always);
    ASSERT_TRUE(folder) << folder.error().text();
    fs::create_directory_symlink("real", path);
    EXPECT_FALSE(folder->commit());
  }
  EXPECT_TRUE(fs::exists(real / "file"));
  EXPECT_EQ(entries(around->path()), 2u);
}

}  // namespace
}  // namespace ht
