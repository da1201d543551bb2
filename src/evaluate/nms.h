// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/c/ht_detect.h"

namespace ht {

struct Box {
  float x0 = 0;
  float y0 = 0;
  float x1 = 0;
  float y1 = 0;
  bool operator==(const Box&) const = default;
};

struct Candidate {
  Box box;
  float score = 0;
  int32_t class_index = 0;
  bool operator==(const Candidate&) const = default;
};

Candidate to_candidate(const ht_box& box);

// Greedy non-maximum suppression in each class: the best first, ties in the order of finding, at most `max_detections` in
// all classes together. A candidate goes where it overlaps a better one of its class by more than `threshold`. The candidates'
// order changes.
std::vector<Candidate> suppress(std::span<ht_candidate> candidates, float threshold, int max_detections);

}  // namespace ht
