// SPDX-License-Identifier: Apache-2.0
#include "evaluate/coco.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>

namespace ht {
namespace {

constexpr std::string_view kSmall = R"({
  "info": {"images": [1, 2, {"id": 3}]},
  "images": [{"id": 7, "file_name": "b.jpg", "width": 64, "height": 48, "license": null},
             {"id": 3, "file_name": "sub/a.jpg", "width": 64, "height": 48}],
  "annotations": [{"id": 1, "image_id": 7, "category_id": 2, "bbox": [1, 2, 30, 20.5], "area": 600, "iscrowd": false,
                   "segmentation": [[1, 2, 3], [4]], "attributes": {"id": 99, "bbox": [0]}}],
  "categories": [{"id": 2, "name": "car"}, {"id": 1, "name": "person", "keypoints": ["nose"]}]})";

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result(text);
  result.replace(result.find(from), from.size(), to);
  return result;
}

TEST(Coco, ReadsInstances) {
  const auto dataset = parse_coco(kSmall);
  ASSERT_TRUE(dataset) << dataset.error().text();
  ASSERT_EQ(dataset->images.size(), 2u);
  EXPECT_EQ(dataset->images[0], (CocoImage{3, "sub/a.jpg", 64, 48}));
  ASSERT_EQ(dataset->annotations.size(), 1u);
  EXPECT_EQ(dataset->annotations[0], (CocoAnnotation{1, 7, 2, {1, 2, 30, 20.5}, 600, false}));
  EXPECT_EQ(dataset->categories[0], (CocoCategory{1, "person"}));
}

struct Bad {
  std::string_view from, to, sentence;
};

TEST(Coco, EveryMistakeIsASentenceWithItsPlace) {
  const std::vector<Bad> mistakes = {
      {"\"id\": 7,", "", "images[0]: has no 'id'"},
      {"\"id\": 7", "\"id\": \"7\"", "images[0]: 'id' must be an integer"},
      {"\"id\": 7", "\"id\": 7.5", "images[0]: 'id' must be an integer"},
      {"\"id\": 7", "\"id\": 3", "the id 3"},
      {"sub/a.jpg", "../a.jpg", "images[1]: 'file_name'"},
      {"sub/a.jpg", "/etc/passwd", "images[1]: 'file_name'"},
      {"\"width\": 64", "\"width\": 0", "images[0]: 'width'"},
      {"[1, 2, 30, 20.5]", "[1, 2, 30]", "annotations[0]: 'bbox' must be four numbers"},
      {"[1, 2, 30, 20.5]", "[1, 2, 30, 4, 5]", "annotations[0]: 'bbox' must be four numbers"},
      {"[1, 2, 30, 20.5]", "[1, 2, 30, \"4\"]", "annotations[0]: 'bbox' must be four numbers"},
      {"[1, 2, 30, 20.5]", "[1, 2, 30, 4, [5]]", "annotations[0]: 'bbox' must be four numbers"},
      {"[1, 2, 30, 20.5]", "7", "annotations[0]: 'bbox' must be four numbers"},
      {"[1, 2, 30, 20.5]", "[1, 2, 30, 1e999]", "not valid JSON"},
      {"\"area\": 600, ", "", "annotations[0]: has no 'area'"},
      {"\"image_id\": 7", "\"image_id\": 8", "image 8"},
      {"\"category_id\": 2", "\"category_id\": 5", "category 5"},
      {"\"categories\": [", "\"classes\": [", "has no list 'categories'"},
      {"\"annotations\": [", "\"images\": [", "stands twice"},
      {"\"info\": {\"images\": [1, 2, {\"id\": 3}]}", "\"images\": {}", "images: expected a list of objects"},
      {"\"info\": {\"images\": [1, 2, {\"id\": 3}]}", "\"images\": 4", "images: expected a list of objects"},
      {"\"info\": {\"images\": [1, 2, {\"id\": 3}]}", "\"images\": [4]", "images[0]: expected an object"},
      {"\"info\": {\"images\": [1, 2, {\"id\": 3}]}", "\"images\": [[]]", "images[0]: expected an object"},
  };
  for (const Bad& bad : mistakes) {
    const auto dataset = parse_coco(replaced(kSmall, bad.from, bad.to));
    ASSERT_FALSE(dataset) << bad.to;
    EXPECT_EQ(dataset.error().code, ErrorCode::kInput);
    EXPECT_NE(dataset.error().text().find(bad.sentence), std::string::npos) << dataset.error().text();
  }
}

TEST(Coco, TruncatedAndForeignTextIsRefused) {
  for (size_t length = 0; length < kSmall.size(); ++length) EXPECT_FALSE(parse_coco(kSmall.substr(0, length))) << length;
  for (std::string_view text :
       {"[]", "7", "null", "\"x\"", "{}", "{\"images\": []}", "\xff\xfe", "{\"images\": [{\"file_name\": \"\xff\"}]}"}) {
    EXPECT_FALSE(parse_coco(text)) << text;
  }
  EXPECT_FALSE(parse_coco(std::string(1000000, '[')));
  EXPECT_FALSE(parse_coco("{\"a\":" + std::string(1000000, '[')));
  EXPECT_FALSE(parse_detections(kSmall));
  EXPECT_FALSE(parse_detections("[{\"image_id\": 1}]"));
}

TEST(Coco, AMissingFileIsNamed) {
  const auto dataset = read_coco("no/such/instances.json");
  ASSERT_FALSE(dataset);
  EXPECT_NE(dataset.error().text().find("no/such/instances.json"), std::string::npos);
}

TEST(Coco, ResultListsReadBackAsTheyWere) {
  const std::vector<CocoDetection> detections = {{139, 1, {0.1, 2.0 / 3, 1e-9, 12345.678}, 0.1f}, {285, 90, {-4, 0, 1, 2}, 1}};
  const auto back = parse_detections(format_detections(detections));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, detections);
  const auto empty = parse_detections(format_detections({}));
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->empty());
}

TEST(Coco, KeepsTheFirstImagesById) {
  auto dataset = *parse_coco(kSmall);
  keep_first_images(dataset, 5);
  EXPECT_EQ(dataset.images.size(), 2u);
  keep_first_images(dataset, 1);
  ASSERT_EQ(dataset.images.size(), 1u);
  EXPECT_EQ(dataset.images[0].id, 3);
  EXPECT_TRUE(dataset.annotations.empty());
}

TEST(Coco, NumbersThatAreNotFiniteAreRefused) {
  const auto dataset = *parse_coco(kSmall);
  ThreadPool pool(1);
  for (double wrong : {std::nan(""), HUGE_VAL}) {
    const std::vector<CocoDetection> score = {{7, 2, {1, 2, 3, 4}, wrong}}, box = {{7, 2, {1, wrong, 3, 4}, 0.5}};
    EXPECT_FALSE(evaluate_coco(dataset, score, pool));
    EXPECT_FALSE(evaluate_coco(dataset, box, pool));
  }
}

TEST(Coco, TheSameFiguresForAnyNumberOfThreadsInWellUnderASecond) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  CocoDataset dataset;
  std::vector<CocoDetection> detections;
  for (int c = 1; c <= 80; ++c) dataset.categories.push_back({c, std::to_string(c)});
  for (int i = 1; i <= 220; ++i) {
    dataset.images.push_back({i, std::to_string(i), 640, 480});
    for (int k = 0; k < 8; ++k) {
      const std::array<double, 4> box = {600 * uniform(random), 400 * uniform(random), 200 * uniform(random),
                                         200 * uniform(random)};
      const int category = 1 + static_cast<int>(80 * uniform(random));
      dataset.annotations.push_back({int64_t{8} * i + k, i, category, box, box[2] * box[3], uniform(random) < 0.1});
    }
    for (int k = 0; k < 100; ++k) {
      const CocoAnnotation& near = dataset.annotations[dataset.annotations.size() - 1 - static_cast<size_t>(k % 8)];
      auto box = near.box;
      for (double& value : box) value *= 0.8 + 0.4 * uniform(random);
      detections.push_back({i, near.category_id, box, uniform(random)});
    }
  }
  ThreadPool one(1), three(3);
  const auto begin = std::chrono::steady_clock::now();
  const auto first = evaluate_coco(dataset, detections, one);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  const auto second = evaluate_coco(dataset, detections, three);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  EXPECT_GT(first->ap(), 0);
  RecordProperty("milliseconds", static_cast<int>(seconds.count() * 1000));
  EXPECT_LT(seconds.count(), 5);
}

}  // namespace
}  // namespace ht
