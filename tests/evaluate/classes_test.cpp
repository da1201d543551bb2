// SPDX-License-Identifier: Apache-2.0
#include "evaluate/classes.h"

#include <gtest/gtest.h>

namespace ht {
namespace {

TEST(Classes, Coco80HasTheIdsOfTheAnnotations) {
  const auto classes = class_list("coco80");
  ASSERT_TRUE(classes);
  ASSERT_EQ(classes->size(), 80u);
  EXPECT_EQ(classes->front(), (ClassLabel{1, "person"}));
  EXPECT_EQ((*classes)[11], (ClassLabel{13, "stop sign"}));
  EXPECT_EQ(classes->back(), (ClassLabel{90, "toothbrush"}));
  EXPECT_FALSE(class_list("coco81"));
}

TEST(Classes, ListsOfCocosNumbersLeaveGapsWithoutNames) {
  const auto from_one = class_list("coco90"), from_zero = class_list("coco91");
  ASSERT_TRUE(from_one && from_zero);
  ASSERT_EQ(from_one->size(), 90u);
  ASSERT_EQ(from_zero->size(), 91u);
  EXPECT_EQ((*from_one)[0], (ClassLabel{1, "person"}));
  EXPECT_EQ((*from_one)[12], (ClassLabel{13, "stop sign"}));
  EXPECT_FALSE((*from_one)[11].is_named());
  EXPECT_FALSE((*from_zero)[0].is_named());
  for (size_t i = 0; i < from_zero->size(); ++i) EXPECT_EQ((*from_zero)[i].id, static_cast<int64_t>(i));
  for (std::string_view name : {"coco80", "coco90", "coco91"}) {
    EXPECT_EQ(class_list_of(static_cast<int>(class_list(name)->size())), name);
  }
  EXPECT_EQ(class_list_of(20), "");
}

TEST(Classes, NamesCountFromOne) {
  const std::vector<std::string> names = {"car", "person"}, twice = {"car", "car"}, none;
  EXPECT_EQ(*class_list(names), (std::vector<ClassLabel>{{1, "car"}, {2, "person"}}));
  EXPECT_FALSE(class_list(twice));
  EXPECT_FALSE(class_list(none));
}

TEST(Classes, MustFitTheAnnotations) {
  CocoDataset dataset;
  dataset.categories = {{1, "car"}, {2, "person"}, {3, "dog"}};
  const std::vector<ClassLabel> right = {{1, "car"}, {2, "pedestrian"}}, swapped = {{1, "person"}, {2, "car"}},
                                more = {{7, "bird"}};
  EXPECT_TRUE(check_classes(right, dataset));
  EXPECT_FALSE(check_classes(swapped, dataset));
  EXPECT_FALSE(check_classes(more, dataset));
}

TEST(Classes, DetectionsAreRoundedToThousandths) {
  const std::vector<ClassLabel> classes = {{1, "car"}, {9, "person"}};
  const CocoDetection detection = to_coco({{1.00049f, 2, 4.5f, 8.25f}, 0.5f, 1}, 42, classes);
  EXPECT_EQ(detection, (CocoDetection{42, 9, {1, 2, 3.5, 6.25}, 0.5}));
}

}  // namespace
}  // namespace ht
