// SPDX-License-Identifier: Apache-2.0
#include "image/list.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"

namespace ht {
namespace {

namespace fs = std::filesystem;

class ListFiles : public testing::Test {
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
    const auto found = list_files(source, kPhotoEndings, folder_);
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

TEST_F(ListFiles, FolderGivesItsImagesInOrderOfBytes) {
  const Names all = {"10.webp", "9.jpg", "Z.jpeg", "a.PNG", "b.jpg"};
  EXPECT_EQ(names(folder_.string()), all);
  EXPECT_EQ(names("."), all);
  EXPECT_EQ(names(""), all);
}

TEST_F(ListFiles, PatternGivesWhatMatches) {
  EXPECT_EQ(names("*.jpg"), (Names{"9.jpg", "b.jpg"}));
  EXPECT_EQ(names("[ab].*"), (Names{"a.PNG", "b.jpg"}));
  EXPECT_EQ(names("*.bmp").at(0).substr(0, 5), "error");
}

TEST_F(ListFiles, PatternsMayStandInAnyPart) {
  for (const char* file : {"cats/1.jpg", "cats/2.png", "cows/1.jpg", "dogs/1.jpg", "[c]ats/3.jpg"}) {
    fs::create_directories((folder_ / file).parent_path());
    ASSERT_TRUE(write_file(folder_ / file, std::string_view("x")));
  }
  const auto found = list_files("c*s/1.*", kPhotoEndings, folder_);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(*found, (std::vector<fs::path>{folder_ / "cats/1.jpg", folder_ / "cows/1.jpg"}));
  EXPECT_EQ(names("c*/2.png"), Names{"2.png"});   // cows have none
  EXPECT_EQ(names("[c]ats/*"), Names{"3.jpg"});   // the folder of that very name
  EXPECT_EQ(names("*"), (Names{"10.webp", "9.jpg", "Z.jpeg", "a.PNG", "b.jpg", "notes.txt"}));
  EXPECT_EQ(names("c*/9.jpg").at(0).substr(0, 5), "error");
}

TEST_F(ListFiles, OtherEndingsAreOtherFiles) {
  ASSERT_TRUE(write_file(folder_ / "x.npy", std::string_view("x")));
  ASSERT_TRUE(write_file(folder_ / "y.NPZ", std::string_view("x")));
  const auto found = list_files("", kArrayEndings, folder_);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(*found, (std::vector<fs::path>{folder_ / "x.npy", folder_ / "y.NPZ"}));
}

TEST_F(ListFiles, ListFileIsRelativeToItself) {
  ASSERT_TRUE(write_file(folder_ / "list.txt", std::string_view("# photos\r\nb.jpg\r\n\n9.jpg\na.PNG")));
  EXPECT_EQ(names("list.txt"), (Names{"9.jpg", "a.PNG", "b.jpg"}));
}

TEST_F(ListFiles, OneImageIsAListOfOne) { EXPECT_EQ(names("b.jpg"), Names{"b.jpg"}); }

TEST_F(ListFiles, ErrorsNameThePlace) {
  fs::create_directories(folder_ / "empty");
  for (const char* source : {"empty", "missing", "missing/*.jpg"}) {
    const auto found = list_files(source, kPhotoEndings, folder_);
    ASSERT_FALSE(found) << source;
    EXPECT_NE(found.error().place.find(folder_.string()), std::string::npos) << found.error().text();
  }
  ASSERT_TRUE(write_file(folder_ / "binary.bin", std::string_view("\0\1\2\n", 4)));
  EXPECT_FALSE(list_files("binary.bin", kPhotoEndings, folder_));
}

}  // namespace
}  // namespace ht
