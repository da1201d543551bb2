// SPDX-License-Identifier: Apache-2.0
#include "image/list.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

class ListImages : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("halftone_list_" + std::to_string(getpid()));
    fs::create_directories(folder_ / "sub.jpg");
    for (const char* name : {"b.jpg", "a.PNG", "Z.jpeg", "10.webp", "9.jpg", "notes.txt", ".hidden.gif"}) {
      ASSERT_TRUE(write_file(folder_ / name, std::string_view("x")));
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::vector<std::string> names(const std::string& source) {
    const auto found = list_images(source, folder_);
    if (!found) return {"error " + found.error().text()};
    std::vector<std::string> result;
    for (const fs::path& path : *found) {
      EXPECT_TRUE(fs::exists(path)) << path;
      result.push_back(path.filename().string());
    }
    return result;
  }

  fs::path folder_;
};

using Names = std::vector<std::string>;

TEST_F(ListImages, FolderGivesItsImagesInOrderOfBytes) {
  const Names all = {"10.webp", "9.jpg", "Z.jpeg", "a.PNG", "b.jpg"};
  EXPECT_EQ(names(folder_.string()), all);
  EXPECT_EQ(names("."), all);
  EXPECT_EQ(names(""), all);
}

TEST_F(ListImages, PatternGivesWhatMatches) {
  EXPECT_EQ(names("*.jpg"), (Names{"9.jpg", "b.jpg"}));
  EXPECT_EQ(names("[ab].*"), (Names{"a.PNG", "b.jpg"}));
  EXPECT_EQ(names("*.bmp").at(0).substr(0, 5), "error");
}

TEST_F(ListImages, ListFileIsRelativeToItself) {
  ASSERT_TRUE(write_file(folder_ / "list.txt", std::string_view("# photos\r\nb.jpg\r\n\n9.jpg\na.PNG")));
  EXPECT_EQ(names("list.txt"), (Names{"9.jpg", "a.PNG", "b.jpg"}));
}

TEST_F(ListImages, OneImageIsAListOfOne) { EXPECT_EQ(names("b.jpg"), Names{"b.jpg"}); }

TEST_F(ListImages, ErrorsNameThePlace) {
  fs::create_directories(folder_ / "empty");
  for (const char* source : {"empty", "missing", "missing/*.jpg"}) {
    const auto found = list_images(source, folder_);
    ASSERT_FALSE(found) << source;
    EXPECT_NE(found.error().place.find(folder_.string()), std::string::npos) << found.error().text();
  }
  ASSERT_TRUE(write_file(folder_ / "binary.bin", std::string_view("\0\1\2\n", 4)));
  EXPECT_FALSE(list_images("binary.bin", folder_));
}

}  // namespace
}  // namespace ht
