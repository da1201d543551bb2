// SPDX-License-Identifier: Apache-2.0
// Detections matched with annotations once; figures of all images, or of some taken several times, are then sums over the matches.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "evaluate/coco.h"

namespace ht {

class CocoMatches {
 public:
  static constexpr size_t kThresholds = 10;  // overlaps 0.50, 0.55, ... 0.95
  static constexpr size_t kAreas = 4;        // all, small, medium, large

  // A detection's fate: bit t tells of overlap threshold t.
  struct Fate {
    double score = 0;
    uint32_t image = 0;  // its place in the data set
    uint32_t rank = 0;   // among those of its image and category
    std::array<uint16_t, kAreas> matched = {};
    std::array<uint16_t, kAreas> ignored = {};
  };
  // How many annotations of an image are to be found, by range of areas.
  struct Truths {
    uint32_t image = 0;
    std::array<uint32_t, kAreas> counted = {};
  };
  struct Category {
    std::vector<Truths> truths;
    std::vector<Fate> fates;  // best first; of equal scores those of the first image, and of an image by rank
  };

  // Errors as those of evaluate_coco().
  static Result<CocoMatches> make(const CocoDataset& dataset, std::span<const CocoDetection> detections, ThreadPool& pool);

  // What evaluate_coco() promises.
  CocoMetrics metrics(ThreadPool& pool) const;
  // The AP of a data set in which each image is there as often as `copies` says at its place, copies being images of their own with ids one
  // behind another; as a fraction, -1 without objects. With one copy of each it equals that of metrics().
  double ap(std::span<const int32_t> copies) const;

 private:
  size_t images_ = 0;
  std::vector<Category> categories_;
};

}  // namespace ht
