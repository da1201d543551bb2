// SPDX-License-Identifier: Apache-2.0
#include "evaluate/nms.h"

#include <algorithm>

namespace ht {

Candidate to_candidate(const ht_box& box) { return {{box.x0, box.y0, box.x1, box.y1}, box.score, box.class_index}; }

std::vector<Candidate> suppress(std::span<ht_candidate> candidates, float threshold, int max_detections) {
  std::vector<ht_box> boxes(std::min(candidates.size(), static_cast<size_t>(std::max(max_detections, 0))));
  const int32_t count = ht_detect_suppress(candidates.data(), static_cast<int32_t>(candidates.size()), threshold,
                                           static_cast<int32_t>(boxes.size()), boxes.data());
  boxes.resize(static_cast<size_t>(count));
  std::vector<Candidate> kept;
  kept.reserve(boxes.size());
  for (const ht_box& box : boxes) kept.push_back(to_candidate(box));
  return kept;
}

}  // namespace ht
