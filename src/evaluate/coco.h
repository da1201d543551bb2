// SPDX-License-Identifier: Apache-2.0
// COCO's object detection task: annotations, result lists and the twelve figures.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"

namespace ht {

struct CocoImage {
  int64_t id = 0;
  std::string file_name;  // relative, never above the folder of the images
  int64_t width = 0;
  int64_t height = 0;
  bool operator==(const CocoImage&) const = default;
};

struct CocoAnnotation {
  int64_t id = 0;
  int64_t image_id = 0;
  int64_t category_id = 0;
  std::array<double, 4> box = {};  // x, y, width, height
  double area = 0;
  bool crowd = false;
  bool operator==(const CocoAnnotation&) const = default;
};

struct CocoCategory {
  int64_t id = 0;
  std::string name;
  bool operator==(const CocoCategory&) const = default;
};

// Ids are unique; images and categories are sorted by id, annotations stand as in the file and name known images and categories.
struct CocoDataset {
  std::vector<CocoImage> images;
  std::vector<CocoAnnotation> annotations;
  std::vector<CocoCategory> categories;
  bool operator==(const CocoDataset&) const = default;
};

// One entry of a result list.
struct CocoDetection {
  int64_t image_id = 0;
  int64_t category_id = 0;
  std::array<double, 4> box = {};  // x, y, width, height
  double score = 0;
  bool operator==(const CocoDetection&) const = default;
};

// "Instances" JSON. Segmentations and unknown keys are passed over without being held. An error names the entry and the key.
Result<CocoDataset> parse_coco(std::string_view json);
Result<CocoDataset> read_coco(const std::filesystem::path& path);

// Keeps the first `count` images by id and their annotations.
void keep_first_images(CocoDataset& dataset, int64_t count);

// The result list that pycocotools' loadRes reads; every number reads back as the same double.
std::string format_detections(std::span<const CocoDetection> detections);
Result<std::vector<CocoDetection>> parse_detections(std::string_view json);
Result<std::vector<CocoDetection>> read_detections(const std::filesystem::path& path);

// As fractions; -1 where the data set has no object to find in that size range.
struct CocoMetrics {
  static constexpr std::array<std::string_view, 12> kNames = {"AP",   "AP50",  "AP75",   "AP_small", "AP_medium", "AP_large",
                                                              "AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"};
  std::array<double, 12> values = {};

  double ap() const { return values[0]; }
  bool operator==(const CocoMetrics&) const = default;
};

// What pycocotools' COCOeval (bbox, default parameters) computes for all images of the data set, the same for any number of
// threads. An error where a detection names an unknown image or category or holds a number that is not finite.
Result<CocoMetrics> evaluate_coco(const CocoDataset& dataset, std::span<const CocoDetection> detections, ThreadPool& pool);

}  // namespace ht
