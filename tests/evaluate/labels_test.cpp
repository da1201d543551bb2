// SPDX-License-Identifier: Apache-2.0
#include "evaluate/labels.h"

#include <gtest/gtest.h>

#include <fstream>

namespace ht {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kNames = {"cat", "dog", "3"};

TEST(Labels, ReadsNamesIndicesQuotesAndAHeading) {
  const auto samples =
      parse_labels("file,label\r\na.jpg, dog\r\n\n\"b, \"\"c\"\".jpg\" ,0\nd.jpg,3\nsub/e.jpg,\"cat\"", kNames, 3);
  ASSERT_TRUE(samples) << samples.error().text();
  EXPECT_EQ(*samples, (std::vector<LabeledSample>{{"a.jpg", 1}, {"b, \"c\".jpg", 0}, {"d.jpg", 2}, {"sub/e.jpg", 0}}));
}

TEST(Labels, MistakesNameTheLine) {
  for (std::string_view csv :
       {"a,1\nb", "a,1\nb,3", "a,1\nb,-1", "a,1\nb,bird", "a,1\n,1", "a,1\nb,1,2", "a,1\n\"b,1", "a,1\n\"b\"c,1", "a,1\n../b,1",
        "a,1\n/b,1", "a,1\nb,99999999999999999999", "a,1\nb,1x", "a,1\nb,label"}) {
    const auto samples = parse_labels(csv, {}, 3);
    ASSERT_FALSE(samples) << csv;
    EXPECT_EQ(samples.error().place, "line 2") << csv;
  }
  EXPECT_FALSE(parse_labels("", {}, 3));
  EXPECT_FALSE(parse_labels("file,label\n", {}, 3));
  EXPECT_FALSE(read_labels("no/such.csv", {}, 3));
}

class Folders : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / fmt::format("halftone_labels_{}", testing::UnitTest::GetInstance()->random_seed());
    fs::remove_all(root_);
    for (const char* file : {"dog/2.jpg", "dog/1.PNG", "cat/9.jpg", "cat/notes.txt", ".hidden/1.jpg"}) {
      fs::create_directories((root_ / file).parent_path());
      std::ofstream(root_ / file) << "x";
    }
  }
  void TearDown() override { fs::remove_all(root_); }
  fs::path root_;
};

TEST_F(Folders, AreClassesInTheOrderOfTheirNames) {
  const auto samples = labels_from_folders(root_, {}, 2);
  ASSERT_TRUE(samples) << samples.error().text();
  EXPECT_EQ(*samples, (std::vector<LabeledSample>{{"cat/9.jpg", 0}, {"dog/1.PNG", 1}, {"dog/2.jpg", 1}}));
}

TEST_F(Folders, FollowTheListOfClasses) {
  const std::vector<std::string> names = {"dog", "bird", "cat"};
  const auto samples = labels_from_folders(root_, names, 3);
  ASSERT_TRUE(samples) << samples.error().text();
  EXPECT_EQ(*samples, (std::vector<LabeledSample>{{"dog/1.PNG", 0}, {"dog/2.jpg", 0}, {"cat/9.jpg", 2}}));
}

TEST_F(Folders, ThatDoNotFitAreRefused) {
  const std::vector<std::string> names = {"dog", "bird"};
  EXPECT_FALSE(labels_from_folders(root_, names, 2));
  EXPECT_FALSE(labels_from_folders(root_, {}, 3));
  EXPECT_FALSE(labels_from_folders(root_ / "dog", {}, 3));
  EXPECT_FALSE(labels_from_folders(root_ / "none", {}, 3));
}

}  // namespace
}  // namespace ht
