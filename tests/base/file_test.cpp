// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/temporary_folder.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  const auto bytes = read_file(path);
  return bytes ? std::string(bytes->begin(), bytes->end()) : bytes.error().text();
}

fs::perms mode_of(const fs::path& path) { return fs::status(path).permissions(); }

TEST(ReadFile, RefusesAPipeAtOnce) {
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder);
  const fs::path pipe = folder->path() / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_NE(text_of(pipe).find("is not a regular file"), std::string::npos);
}

TEST(WriteFile, KeepsThePermissionsOfWhatItReplaces) {
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder);
  const fs::path file = folder->path() / "file";
  ASSERT_TRUE(write_file(file, "old"));
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(write_file(file, "new"));
  EXPECT_EQ(text_of(file), "new");
  EXPECT_EQ(mode_of(file), fs::perms::owner_read | fs::perms::owner_write);
}

TEST(WriteFile, ReplacesWhatALinkNames) {
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder);
  const fs::path elsewhere = folder->path() / "elsewhere", link = folder->path() / "link", other = folder->path() / "other";
  fs::create_directory(elsewhere);
  ASSERT_TRUE(write_file(elsewhere / "file", "old"));
  fs::create_symlink("elsewhere/file", link);
  fs::create_symlink("link", other);
  ASSERT_TRUE(write_file(other, "new"));
  EXPECT_TRUE(fs::is_symlink(link) && fs::is_symlink(other));
  EXPECT_EQ(text_of(elsewhere / "file"), "new");
}

TEST(WriteFile, MakesWhatALinkNames) {
  const auto folder = TemporaryFolder::make();
  ASSERT_TRUE(folder);
  const fs::path link = folder->path() / "link", loop = folder->path() / "loop";
  fs::create_symlink("file", link);
  ASSERT_TRUE(write_file(link, "new"));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(text_of(folder->path() / "file"), "new");
  fs::create_symlink("loop", loop);
  ASSERT_TRUE(write_file(loop, "new"));
  EXPECT_EQ(text_of(loop), "new");
}

TEST(EndingOf, IsInLowerCase) {
  EXPECT_EQ(ending_of("folder.a/Photo.JPeG"), ".jpeg");
  EXPECT_EQ(ending_of("folder.a/photo"), "");
}

}  // namespace
}  // namespace ht
