// SPDX-License-Identifier: Apache-2.0
// The arithmetic follows pycocotools' COCOeval step by step, in double, so that the figures are equal.
#include "evaluate/coco_matches.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "evaluate/spaced.h"

namespace ht {
namespace {

using Fate = CocoMatches::Fate;
constexpr size_t kThresholds = CocoMatches::kThresholds, kAreas = CocoMatches::kAreas;
constexpr size_t kMaxDetections = 100;
constexpr std::array<std::array<double, 2>, kAreas> kAreaRanges = {{{0, 1e10}, {0, 1024}, {1024, 9216}, {9216, 1e10}}};

bool outside(double area, const std::array<double, 2>& range) { return area < range[0] || area > range[1]; }

// A crowd counts as much of the detection as lies in it.
double overlap_of(const std::array<double, 4>& detection, const CocoAnnotation& truth) {
  const auto& box = truth.box;
  const double width = std::fmin(detection[2] + detection[0], box[2] + box[0]) - std::fmax(detection[0], box[0]);
  if (width <= 0) return 0;
  const double height = std::fmin(detection[3] + detection[1], box[3] + box[1]) - std::fmax(detection[1], box[1]);
  if (height <= 0) return 0;
  const double common = width * height;
  const double own = detection[2] * detection[3];
  return common / (truth.crowd ? own : own + box[2] * box[3] - common);
}

// Annotations and detections of one category in one image; detections are the best hundred, best first.
struct Cell {
  std::vector<const CocoAnnotation*> truths;
  std::vector<const CocoDetection*> detections;
};

// Matches the detections of one cell for one range of areas.
class Matcher {
 public:
  Matcher(const Cell& cell, size_t area) : range_(kAreaRanges[area]), area_(area) {
    for (bool ignored : {false, true}) {
      for (size_t i = 0; i < cell.truths.size(); ++i) {
        const CocoAnnotation& truth = *cell.truths[i];
        if ((truth.crowd || outside(truth.area, range_)) != ignored) continue;
        order_.push_back(i);
        counted_ += !ignored;
      }
    }
    taken_.assign(order_.size(), 0);
  }

  size_t counted() const { return counted_; }

  void match(const Cell& cell, const CocoDetection& detection, std::span<const double> overlaps,
             const std::array<double, kThresholds>& thresholds, Fate& fate) {
    const bool detection_outside = outside(detection.box[2] * detection.box[3], range_);
    for (size_t t = 0; t < kThresholds; ++t) {
      const uint16_t bit = static_cast<uint16_t>(1u << t);
      const size_t found = best(cell, overlaps, std::min(thresholds[t], 1 - 1e-10), bit);
      bool matched = false;
      if (found != kNone) {
        taken_[found] |= bit;
        if (found >= counted_) fate.ignored[area_] |= bit;
        // COCOeval tells matches by their ids and takes the id 0 for none.
        matched = cell.truths[order_[found]]->id != 0;
      }
      if (matched) fate.matched[area_] |= bit;
      if (!matched && detection_outside) fate.ignored[area_] |= bit;
    }
  }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  // The place in `order_` of the annotation that the detection takes: counted ones first, the last of equal overlaps.
  size_t best(const Cell& cell, std::span<const double> overlaps, double highest, uint16_t bit) const {
    size_t found = kNone;
    for (size_t place = 0; place < order_.size(); ++place) {
      if ((taken_[place] & bit) && !cell.truths[order_[place]]->crowd) continue;
      if (found < counted_ && place >= counted_) break;
      const double overlap = overlaps[order_[place]];
      if (overlap < highest) continue;
      highest = overlap;
      found = place;
    }
    return found;
  }

  std::array<double, 2> range_;
  size_t area_;
  size_t counted_ = 0;           // the first so many in `order_` are not ignored
  std::vector<size_t> order_;    // of the annotations
  std::vector<uint16_t> taken_;  // by place in `order_`
};

// Adds what one image has of a category.
void add(uint32_t image, Cell& cell, const std::array<double, kThresholds>& thresholds, CocoMatches::Category& category) {
  std::stable_sort(cell.detections.begin(), cell.detections.end(),
                   [](const CocoDetection* a, const CocoDetection* b) { return a->score > b->score; });
  if (cell.detections.size() > kMaxDetections) cell.detections.resize(kMaxDetections);
  std::vector<Matcher> matchers;
  CocoMatches::Truths& truths = category.truths.emplace_back();
  truths.image = image;
  for (size_t area = 0; area < kAreas; ++area) {
    matchers.emplace_back(cell, area);
    truths.counted[area] = static_cast<uint32_t>(matchers.back().counted());
  }
  std::vector<double> overlaps(cell.truths.size());
  for (size_t rank = 0; rank < cell.detections.size(); ++rank) {
    const CocoDetection& detection = *cell.detections[rank];
    for (size_t i = 0; i < overlaps.size(); ++i) overlaps[i] = overlap_of(detection.box, *cell.truths[i]);
    Fate& fate = category.fates.emplace_back();
    fate.score = detection.score;
    fate.image = image;
    fate.rank = static_cast<uint32_t>(rank);
    for (Matcher& matcher : matchers) matcher.match(cell, detection, overlaps, thresholds, fate);
  }
}

// Entries of one category, as indices, in the order of images and, within an image, of the file.
using Entries = std::vector<std::pair<size_t, size_t>>;  // image, entry

struct Grouped {
  std::vector<Entries> truths, detections;  // by category
};

Result<Grouped> group(const CocoDataset& dataset, std::span<const CocoDetection> detections) {
  std::unordered_map<int64_t, size_t> images, categories;
  for (size_t i = 0; i < dataset.images.size(); ++i) images.emplace(dataset.images[i].id, i);
  for (size_t i = 0; i < dataset.categories.size(); ++i) categories.emplace(dataset.categories[i].id, i);
  Grouped grouped{std::vector<Entries>(categories.size()), std::vector<Entries>(categories.size())};
  for (size_t i = 0; i < dataset.annotations.size(); ++i) {
    const auto image = images.find(dataset.annotations[i].image_id);
    const auto category = categories.find(dataset.annotations[i].category_id);
    if (image != images.end() && category != categories.end()) grouped.truths[category->second].emplace_back(image->second, i);
  }
  for (size_t i = 0; i < detections.size(); ++i) {
    const CocoDetection& detection = detections[i];
    const auto image = images.find(detection.image_id);
    if (image == images.end()) {
      return input_error("detection {} is of image {}, which the annotations do not have", i, detection.image_id);
    }
    const auto category = categories.find(detection.category_id);
    if (category == categories.end()) {
      return input_error("detection {} is of category {}, which the annotations do not have; give their classes in the recipe", i,
                         detection.category_id);
    }
    const auto finite = [](double value) { return std::isfinite(value); };
    if (!finite(detection.score) || !std::all_of(detection.box.begin(), detection.box.end(), finite)) {
      return input_error("detection {} holds a number that is not finite", i);
    }
    grouped.detections[category->second].emplace_back(image->second, i);
  }
  for (auto* entries : {&grouped.truths, &grouped.detections}) {
    for (Entries& list : *entries) std::sort(list.begin(), list.end());
  }
  return grouped;
}

}  // namespace

Result<CocoMatches> CocoMatches::make(const CocoDataset& dataset, std::span<const CocoDetection> detections, ThreadPool& pool) {
  HT_ASSIGN(const Grouped grouped, group(dataset, detections));
  const auto thresholds = spaced<kThresholds>(0.5, 0.95);
  CocoMatches matches;
  matches.images_ = dataset.images.size();
  matches.categories_.resize(grouped.truths.size());
  pool.parallel_for(static_cast<int64_t>(grouped.truths.size()), [&](int64_t index, int) {
    const Entries& truths = grouped.truths[static_cast<size_t>(index)];
    const Entries& found = grouped.detections[static_cast<size_t>(index)];
    Category& category = matches.categories_[static_cast<size_t>(index)];
    for (size_t t = 0, d = 0; t < truths.size() || d < found.size();) {
      const size_t image = std::min(t < truths.size() ? truths[t].first : SIZE_MAX, d < found.size() ? found[d].first : SIZE_MAX);
      Cell cell;
      for (; t < truths.size() && truths[t].first == image; ++t) cell.truths.push_back(&dataset.annotations[truths[t].second]);
      for (; d < found.size() && found[d].first == image; ++d) cell.detections.push_back(&detections[found[d].second]);
      add(static_cast<uint32_t>(image), cell, thresholds, category);
    }
    std::stable_sort(category.fates.begin(), category.fates.end(), [](const Fate& a, const Fate& b) { return a.score > b.score; });
  });
  return matches;
}

}  // namespace ht
