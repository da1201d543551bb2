// SPDX-License-Identifier: Apache-2.0
#include "evaluate/nms.h"

#include <algorithm>
#include <numeric>
#include <unordered_map>

namespace ht {
namespace {

float area(const Box& box) { return std::max(box.x1 - box.x0, 0.0f) * std::max(box.y1 - box.y0, 0.0f); }

}  // namespace

float overlap(const Box& a, const Box& b) {
  const float width = std::max(std::min(a.x1, b.x1) - std::max(a.x0, b.x0), 0.0f);
  const float height = std::max(std::min(a.y1, b.y1) - std::max(a.y0, b.y0), 0.0f);
  const float common = width * height;
  return common / std::max(area(a) + area(b) - common, 1e-9f);
}

std::vector<Candidate> suppress(std::span<const Candidate> candidates, float threshold, int max_detections) {
  // A heap, not a sort: most calls end long before the last candidate. The order is total, so ties come out in order.
  std::vector<uint32_t> heap(candidates.size());
  std::iota(heap.begin(), heap.end(), 0u);
  const auto worse = [&](uint32_t a, uint32_t b) {
    return candidates[a].score != candidates[b].score ? candidates[a].score < candidates[b].score : a > b;
  };
  std::make_heap(heap.begin(), heap.end(), worse);

  std::vector<Candidate> kept;
  std::unordered_map<int32_t, std::vector<Box>> kept_of_class;
  while (!heap.empty() && static_cast<int64_t>(kept.size()) < max_detections) {
    std::pop_heap(heap.begin(), heap.end(), worse);
    const Candidate& candidate = candidates[heap.back()];
    heap.pop_back();
    std::vector<Box>& rivals = kept_of_class[candidate.class_index];
    const auto covers = [&](const Box& better) { return overlap(better, candidate.box) > threshold; };
    if (std::any_of(rivals.begin(), rivals.end(), covers)) continue;
    rivals.push_back(candidate.box);
    kept.push_back(candidate);
  }
  return kept;
}

}  // namespace ht
