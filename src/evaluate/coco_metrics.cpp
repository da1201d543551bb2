// SPDX-License-Identifier: Apache-2.0
// The arithmetic follows pycocotools' COCOeval step by step, in double, so that the figures are equal.
#include <algorithm>
#include <limits>

#include "evaluate/coco_matches.h"
#include "evaluate/spaced.h"

namespace ht {
namespace {

using Category = CocoMatches::Category;
using Copies = std::span<const int32_t>;  // of the images

constexpr size_t kRecalls = 101;  // 0.00, 0.01, ... 1.00
constexpr std::array<uint32_t, 3> kDetectionCounts = {1, 10, 100};

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
  double value() const { return count ? sum / static_cast<double>(count) : -1; }
};
using Means = std::array<Mean, 12>;

double truths_of(const Category& category, size_t area, Copies copies) {
  int64_t count = 0;
  for (const CocoMatches::Truths& truths : category.truths) count += int64_t{truths.counted[area]} * copies[truths.image];
  return static_cast<double>(count);
}

// How many misses stand before each hit, best first. Detections that do not count are left out, which changes neither precision nor recall.
// Where detections of an image have one score, all of its first copy stand before those of the second.
std::vector<double> misses_before_hits(const Category& category, size_t area, size_t t, uint32_t detections, Copies copies) {
  std::vector<double> hits;
  double misses = 0;
  const auto& fates = category.fates;
  for (size_t first = 0, end = 0; first < fates.size(); first = end) {
    const auto alike = [&](const CocoMatches::Fate& fate) { return fate.image == fates[first].image && fate.score == fates[first].score; };
    for (end = first + 1; end < fates.size() && alike(fates[end]); ++end) {}
    for (int32_t copy = 0; copy < copies[fates[first].image]; ++copy) {
      for (size_t i = first; i < end; ++i) {
        if (fates[i].rank >= detections || (fates[i].ignored[area] >> t & 1)) continue;
        if (fates[i].matched[area] >> t & 1) {
          hits.push_back(misses);
        } else {
          ++misses;
        }
      }
    }
  }
  return hits;
}

// Precision at each recall level: the best precision at this recall or a higher one. Recall and best precision change at hits alone.
std::array<double, kRecalls> precision_at(const std::vector<double>& misses, double truths) {
  static constexpr auto kLevels = spaced<kRecalls>(0, 1);
  std::vector<double> precision(misses.size());
  double best = 0;
  for (size_t i = misses.size(); i-- > 0;) {
    const double found = static_cast<double>(i + 1);
    best = std::max(best, found / (misses[i] + found + std::numeric_limits<double>::epsilon()));
    precision[i] = best;
  }
  std::array<double, kRecalls> result = {};
  for (size_t r = 0, i = 0; r < kRecalls; ++r) {
    while (i < misses.size() && static_cast<double>(i + 1) / truths < kLevels[r]) ++i;
    if (i == misses.size()) break;
    result[r] = precision[i];
  }
  return result;
}

void add_threshold(const Category& category, size_t area, double truths, size_t t, Copies copies, Means& means) {
  const auto recall = [&](const std::vector<double>& hits) { return static_cast<double>(hits.size()) / truths; };
  const auto hits = misses_before_hits(category, area, t, kDetectionCounts.back(), copies);
  for (double precision : precision_at(hits, truths)) {
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
  for (size_t i = 0; i < kDetectionCounts.size(); ++i) means[6 + i].add(recall(misses_before_hits(category, area, t, kDetectionCounts[i], copies)));
}

Means means_of(const Category& category, Copies copies) {
  Means means;
  for (size_t area = 0; area < CocoMatches::kAreas; ++area) {
    const double truths = truths_of(category, area, copies);
    if (truths == 0) continue;
    for (size_t t = 0; t < CocoMatches::kThresholds; ++t) add_threshold(category, area, truths, t, copies, means);
  }
  return means;
}

}  // namespace

CocoMetrics CocoMatches::metrics(ThreadPool& pool) const {
  const std::vector<int32_t> once(images_, 1);
  std::vector<Means> by_category(categories_.size());
  pool.parallel_for(static_cast<int64_t>(categories_.size()), [&](int64_t index, int) {
    const auto at = static_cast<size_t>(index);
    by_category[at] = means_of(categories_[at], once);
  });
  Means total;
  for (const Means& means : by_category) {
    for (size_t i = 0; i < total.size(); ++i) total[i].merge(means[i]);
  }
  CocoMetrics metrics;
  for (size_t i = 0; i < total.size(); ++i) metrics.values[i] = total[i].value();
  return metrics;
}

double CocoMatches::ap(Copies copies) const {
  Mean total;
  for (const Category& category : categories_) {
    const double truths = truths_of(category, 0, copies);
    if (truths == 0) continue;
    Mean mean;
    for (size_t t = 0; t < kThresholds; ++t) {
      for (double precision : precision_at(misses_before_hits(category, 0, t, kDetectionCounts.back(), copies), truths)) mean.add(precision);
    }
    total.merge(mean);
  }
  return total.value();
}

Result<CocoMetrics> evaluate_coco(const CocoDataset& dataset, std::span<const CocoDetection> detections, ThreadPool& pool) {
  HT_ASSIGN(const CocoMatches matches, CocoMatches::make(dataset, detections, pool));
  return matches.metrics(pool);
}

}  // namespace ht
