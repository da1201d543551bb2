// SPDX-License-Identifier: Apache-2.0
// The arithmetic follows pycocotools' COCOeval step by step, in double, so that the figures are equal.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "evaluate/coco.h"

namespace ht {
namespace {

constexpr size_t kThresholds = 10;  // overlaps 0.50, 0.55, ... 0.95
constexpr size_t kRecalls = 101;    // 0.00, 0.01, ... 1.00
constexpr size_t kAreas = 4;        // all, small, medium, large
constexpr size_t kMaxDetections = 100;
constexpr std::array<size_t, 3> kDetectionCounts = {1, 10, kMaxDetections};
constexpr std::array<std::array<double, 2>, kAreas> kAreaRanges = {{{0, 1e10}, {0, 1024}, {1024, 9216}, {9216, 1e10}}};

// Equally spaced values as numpy.linspace rounds them.
template <size_t kCount>
std::array<double, kCount> spaced(double first, double last) {
  std::array<double, kCount> values;
  const double step = (last - first) / static_cast<double>(kCount - 1);
  for (size_t i = 0; i < kCount; ++i) values[i] = static_cast<double>(i) * step + first;
  values.back() = last;
  return values;
}

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

// A detection's fate: bit t tells of overlap threshold t.
struct Fate {
  double score = 0;
  size_t rank = 0;  // among those of its image
  std::array<uint16_t, kAreas> matched = {};
  std::array<uint16_t, kAreas> ignored = {};
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

// Sums and counts of the values that the twelve figures are means of.
struct Mean {
  double sum = 0;
  int64_t count = 0;
  void add(double value) {
    sum += value;
    ++count;
  }
  void merge(const Mean& other) {
    sum += other.sum;
    count += other.count;
  }
};
using Means = std::array<Mean, 12>;

// Precision at each recall level: the best precision at this recall or a higher one.
std::array<double, kRecalls> precision_at(const std::vector<uint8_t>& hits, double truths,
                                          const std::array<double, kRecalls>& recalls) {
  const size_t n = hits.size();
  std::vector<double> recall(n), precision(n);
  double found = 0, wrong = 0;
  for (size_t i = 0; i < n; ++i) {
    found += hits[i] == 1;
    wrong += hits[i] == 0;
    recall[i] = found / truths;
    precision[i] = found / (wrong + found + std::numeric_limits<double>::epsilon());
  }
  for (size_t i = n; i-- > 1;) precision[i - 1] = std::max(precision[i - 1], precision[i]);
  std::array<double, kRecalls> result = {};
  for (size_t r = 0, i = 0; r < kRecalls; ++r) {
    while (i < n && recall[i] < recalls[r]) ++i;
    if (i == n) break;
    result[r] = precision[i];
  }
  return result;
}

class Category {
 public:
  void add(Cell& cell, const std::array<double, kThresholds>& thresholds) {
    std::stable_sort(cell.detections.begin(), cell.detections.end(),
                     [](const CocoDetection* a, const CocoDetection* b) { return a->score > b->score; });
    if (cell.detections.size() > kMaxDetections) cell.detections.resize(kMaxDetections);
    std::vector<Matcher> matchers;
    for (size_t area = 0; area < kAreas; ++area) {
      matchers.emplace_back(cell, area);
      truths_[area] += matchers.back().counted();
    }
    std::vector<double> overlaps(cell.truths.size());
    for (size_t rank = 0; rank < cell.detections.size(); ++rank) {
      const CocoDetection& detection = *cell.detections[rank];
      for (size_t i = 0; i < overlaps.size(); ++i) overlaps[i] = overlap_of(detection.box, *cell.truths[i]);
      Fate& fate = fates_.emplace_back();
      fate.score = detection.score;
      fate.rank = rank;
      for (Matcher& matcher : matchers) matcher.match(cell, detection, overlaps, thresholds, fate);
    }
  }

  Means means(const std::array<double, kRecalls>& recalls) {
    std::stable_sort(fates_.begin(), fates_.end(), [](const Fate& a, const Fate& b) { return a.score > b.score; });
    Means means;
    for (size_t area = 0; area < kAreas; ++area) {
      if (truths_[area] == 0) continue;
      for (size_t t = 0; t < kThresholds; ++t) add_threshold(area, t, recalls, means);
    }
    return means;
  }

 private:
  // 1: a hit, 0: a miss; detections that do not count are left out, which changes neither precision nor recall.
  std::vector<uint8_t> outcomes(size_t area, size_t t, size_t detections) const {
    std::vector<uint8_t> hits;
    hits.reserve(fates_.size());
    for (const Fate& fate : fates_) {
      if (fate.rank >= detections || (fate.ignored[area] >> t & 1)) continue;
      hits.push_back(fate.matched[area] >> t & 1);
    }
    return hits;
  }

  void add_threshold(size_t area, size_t t, const std::array<double, kRecalls>& recalls, Means& means) const {
    const double truths = static_cast<double>(truths_[area]);
    const auto recall = [&](const std::vector<uint8_t>& hits) {
      return static_cast<double>(std::count(hits.begin(), hits.end(), 1)) / truths;
    };
    const auto hits = outcomes(area, t, kMaxDetections);
    for (double precision : precision_at(hits, truths, recalls)) {
      if (area > 0) {
        means[2 + area].add(precision);
        continue;
      }
      means[0].add(precision);
      if (t == 0) means[1].add(precision);
      if (t == 5) means[2].add(precision);
    }
    if (area > 0) {
      means[8 + area].add(recall(hits));
      return;
    }
    for (size_t i = 0; i < kDetectionCounts.size(); ++i) means[6 + i].add(recall(outcomes(area, t, kDetectionCounts[i])));
  }

  std::array<size_t, kAreas> truths_ = {};
  std::vector<Fate> fates_;
};

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

Result<CocoMetrics> evaluate_coco(const CocoDataset& dataset, std::span<const CocoDetection> detections, ThreadPool& pool) {
  HT_ASSIGN(const Grouped grouped, group(dataset, detections));
  const auto thresholds = spaced<kThresholds>(0.5, 0.95);
  const auto recalls = spaced<kRecalls>(0, 1);
  std::vector<Means> by_category(grouped.truths.size());
  pool.parallel_for(static_cast<int64_t>(by_category.size()), [&](int64_t index, int) {
    const Entries& truths = grouped.truths[static_cast<size_t>(index)];
    const Entries& found = grouped.detections[static_cast<size_t>(index)];
    Category category;
    for (size_t t = 0, d = 0; t < truths.size() || d < found.size();) {
      const size_t image = std::min(t < truths.size() ? truths[t].first : SIZE_MAX, d < found.size() ? found[d].first : SIZE_MAX);
      Cell cell;
      for (; t < truths.size() && truths[t].first == image; ++t) cell.truths.push_back(&dataset.annotations[truths[t].second]);
      for (; d < found.size() && found[d].first == image; ++d) cell.detections.push_back(&detections[found[d].second]);
      category.add(cell, thresholds);
    }
    by_category[static_cast<size_t>(index)] = category.means(recalls);
  });
  Means total;
  for (const Means& means : by_category) {
    for (size_t i = 0; i < total.size(); ++i) total[i].merge(means[i]);
  }
  CocoMetrics metrics;
  for (size_t i = 0; i < total.size(); ++i) {
    metrics.values[i] = total[i].count ? total[i].sum / static_cast<double>(total[i].count) : -1;
  }
  return metrics;
}

}  // namespace ht
